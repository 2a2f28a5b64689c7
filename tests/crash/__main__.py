"""``python -m tests.crash --rounds 200``; see ``sweep``."""

import sys

from tests.crash.sweep import main

sys.exit(main())
