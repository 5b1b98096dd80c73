{# Times and days: what an export's texts mean, and which day it is in the shop's zone. #}
