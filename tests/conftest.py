from __future__ import annotations

import os

# before torch is loaded: threads that spin slow each other down on a busy machine
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
