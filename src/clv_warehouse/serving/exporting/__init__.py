"""Files that the tools of other companies ask for; nothing is sent anywhere."""
