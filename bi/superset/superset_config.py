"""Settings of a Superset on this machine: no cache, no workers, no requests elsewhere.

Superset reads this file (SUPERSET_CONFIG_PATH). SUPERSET_HOME names the folder of its
own database and of its secret key, which scripts/superset.py makes.
"""

import os
from pathlib import Path

HOME = Path(os.environ["SUPERSET_HOME"])

SECRET_KEY = (HOME / "secret_key").read_text().strip()
SQLALCHEMY_DATABASE_URI = f"sqlite:///{HOME / 'superset.db'}"

WTF_CSRF_ENABLED = True
SESSION_COOKIE_SAMESITE = "Strict"
# Plain HTTP, on loopback only.
SESSION_COOKIE_SECURE = False
# A few clicks in a dashboard are many requests.
RATELIMIT_ENABLED = False

# Every query reads the file, so Superset shows what was published last.
CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
DATA_CACHE_CONFIG = {"CACHE_TYPE": "NullCache"}
CELERY_CONFIG = None

# The browser may talk to this server only. It does not load the pixel that Superset's
# pages ask from Scarf, nor maps and fonts from elsewhere.
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {
    "content_security_policy": {
        "base-uri": ["'self'"],
        "default-src": ["'self'"],
        "img-src": ["'self'", "blob:", "data:"],
        "worker-src": ["'self'", "blob:"],
        "connect-src": ["'self'"],
        "object-src": "'none'",
        "style-src": ["'self'", "'unsafe-inline'"],
        "font-src": ["'self'"],
        "script-src": ["'self'", "'strict-dynamic'"],
    },
    "content_security_policy_nonce_in": ["script-src"],
    "force_https": False,
    "session_cookie_secure": False,
}
