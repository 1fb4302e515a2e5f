"""axe-core finds what keeps people with screen readers or weak eyes out of a page
(https://github.com/dequelabs/axe-core).  npm fetches it once into .build/; only the very file chosen here is run."""
import base64
import hashlib
import os
import subprocess
import tarfile

import room

VERSION = "4.14.1"
SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="  # dist.integrity
FOLDER = os.path.join(room.PROJECT, ".build/node")
PACKAGE = os.path.join(FOLDER, f"axe-core-{VERSION}.tgz")

RUN = """
    return axe.run(document, {resultTypes: ["violations"]}).then(result => result.violations
        .filter(found => found.impact == "serious" || found.impact == "critical")
        .map(found => found.id + ": " + found.help + found.nodes.map(node => "\\n    " + node.html).join("")));
"""


def is_whole():
    if not os.path.exists(PACKAGE):
        return False
    with open(PACKAGE, "rb") as package:
        return base64.b64encode(hashlib.sha512(package.read()).digest()).decode() == SHA512


def script():
    if not is_whole():
        os.makedirs(FOLDER, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", "--cache", os.path.join(FOLDER, "cache"), f"axe-core@{VERSION}"],
                       cwd=FOLDER, check=True, timeout=60, stdout=subprocess.DEVNULL)
        assert is_whole(), f"{PACKAGE} is not what npm's registry had when it was chosen"
    with tarfile.open(PACKAGE) as package:
        return package.extractfile("package/axe.min.js").read().decode()


def faults(browser):
    """What is serious or critical on the page as it is now, each with its elements."""
    if not browser.run("return !!window.axe"):
        browser.run(script() + "; window.axe = axe;")  # the driver's scripts are not subject to the page's policy
    return browser.run(RUN)
