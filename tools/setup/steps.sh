# The steps of ./dev setup, in order; sourced by ../../dev.

# What Open3D, OpenCV and the compilation of the interface packages need from the system.
DEBIAN_PACKAGES=(libusb-1.0-0 libegl1 libgl1 libx11-6 libidn2-0 libudev1 libgomp1 cmake g++ make)

PIP_FLAGS=(--disable-pip-version-check --no-input -c "$ROOT/requirements/constraints.txt")

pip_install() { "$VENV/bin/python" -m pip install "${PIP_FLAGS[@]}" "$@"; }

# -- Debian packages

missing_debian_packages() {
  command -v dpkg-query >/dev/null || return 0 # not a Debian: nothing to ask, nothing to install
  local package
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
  done
}

install_debian_packages() {
  local missing
  mapfile -t missing < <(missing_debian_packages "${DEBIAN_PACKAGES[@]}")
  # the METEOR metric of the evaluation is a Java program; any Java will do
  [ "$1" = robot ] || command -v java >/dev/null || missing+=(default-jre-headless)
  [ "${#missing[@]}" -eq 0 ] && return
  if [ "$(id -u)" -ne 0 ]; then
    echo "dev: Debian packages are missing. Install them, then run ./dev setup again:" >&2
    echo "  sudo apt-get install -y ${missing[*]}" >&2
    exit 1
  fi
  echo "  debian: installing ${missing[*]}" >&2
  local log
  log="$(mktemp)"
  if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 15 "$log" | sed 's/^/    | /' >&2
    fail 1 "apt-get could not install ${missing[*]}" "see the lines above and $log"
  fi
  rm -f "$log"
}

# -- Python packages

check_python() {
  [ "$(uname -m)" = x86_64 ] ||
    fail 1 "ROS 2 wheels exist for x86_64, and this is $(uname -m)" "build the packages with colcon beside a normal ROS 2 install, as the README says"
  local python="${SCENE_R1_PYTHON:-python3.11}"
  command -v "$python" >/dev/null ||
    fail 1 "there is no $python" "install Python 3.11 (Debian: apt-get install python3.11 python3.11-venv python3.11-dev), or name another with SCENE_R1_PYTHON=/path/to/python"
  "$python" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' ||
    fail 1 "$python is $("$python" --version 2>&1)" "ROS 2 wheels exist for Python 3.10 to 3.13; name one with SCENE_R1_PYTHON=/path/to/python"
  "$python" -c 'import sys, ensurepip, sysconfig, os
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))' 2>/dev/null ||
    fail 1 "$python lacks its venv module or its C headers" "Debian: apt-get install python3.11-venv python3.11-dev"
}

make_venv() {
  [ -x "$VENV/bin/python" ] || "${SCENE_R1_PYTHON:-python3.11}" -m venv "$VENV"
  pip_install pip==26.3 setuptools==79.0.1 wheel==0.48.0
}

# torch comes first and alone: sam2's build and everything after it then find the one it will use.
install_torch() { pip_install "$(grep '^torch==' "$ROOT/requirements/robot.txt")"; }

# sam2 is a source package whose isolated build would fetch a second torch, so it builds with ours.
install_robot() {
  pip_install -r <(grep -v '^sam2==' "$ROOT/requirements/robot.txt")
  SAM2_BUILD_CUDA=0 pip_install --no-build-isolation "$(grep '^sam2==' "$ROOT/requirements/robot.txt")"
}

install_ros() { pip_install -r "$ROOT/requirements/ros.txt"; }
install_training() { pip_install -r "$ROOT/requirements/training.txt"; }
install_dev() { pip_install -r "$ROOT/requirements/dev.txt"; }

install_mends() {
  local site
  site="$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
  cp "$ROOT/tools/setup/torchvision_mend.py" "$site/_torchvision_mend.py"
  echo 'import _torchvision_mend' >"$site/torchvision_mend.pth"
  "$VENV/bin/python" -c 'import torchvision'
  "$VENV/bin/python" "$ROOT/tools/setup/mend_ros_cmake.py"
}

# -- ROS packages and this project

# Installed into the venv itself: its lib, site-packages and share are where everything looks
# already. Only packages that changed are built.
build_ros_packages() {
  enter_environment
  local folder hash name bases=() changed=() stamps=()
  cd "$ROOT"
  for folder in msg overlay/*; do
    [ -f "$ROOT/$folder/package.xml" ] || continue
    bases+=("$ROOT/$folder")
    name="$(sed -n 's:.*<name>\(.*\)</name>.*:\1:p' "$ROOT/$folder/package.xml")"
    hash="$(hash_of "$folder")-$(stamp_of ros)"
    [ "$(stamp_of "package-$name")" = "$hash" ] && continue
    changed+=("$name") stamps+=("$hash")
  done
  [ "${#changed[@]}" -gt 0 ] || return 0
  cd "$STATE"
  colcon --log-base "$STATE/colcon/log" build --base-paths "${bases[@]}" \
    --packages-select "${changed[@]}" \
    --merge-install --install-base "$VENV" --build-base "$STATE/colcon/build" \
    --event-handlers console_direct- console_cohesion+ --cmake-args -DBUILD_TESTING=OFF \
    "-DPython3_EXECUTABLE=$VENV/bin/python"
  local i
  for i in "${!changed[@]}"; do
    echo "${stamps[$i]}" >"$STATE/stamps/package-${changed[$i]}"
  done
}

# An in-place install leaves data files out, so ROS finds them by links: the index entry and the
# package's share folder, and its executables where launch files look for them.
install_project() {
  "$VENV/bin/python" -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e "$ROOT"
  local share="$VENV/share/scene_r1_ros" lib="$VENV/lib/scene_r1_ros" name
  mkdir -p "$share" "$lib" "$VENV/share/ament_index/resource_index/packages"
  for name in package.xml launch config; do ln -sfn "$ROOT/$name" "$share/$name"; done
  ln -sfn "$ROOT/resource/scene_r1_ros" "$VENV/share/ament_index/resource_index/packages/scene_r1_ros"
  for name in scene-r1 "$VENV"/bin/*_node; do
    ln -sfn "$VENV/bin/${name##*/}" "$lib/${name##*/}"
  done
}

check_packages() { "$VENV/bin/python" -m pip check; }

# -- everything

setup() {
  local profile=full
  case "${1:-}" in
    "") ;;
    --robot) profile=robot ;;
    *) fail 2 "setup does not know '$1'" "the only option is --robot" ;;
  esac
  install_debian_packages "$profile"
  local made_for
  made_for="$(stamp_of venv)"
  [ -z "$made_for" ] || [ "$made_for" = "$VENV" ] ||
    fail 1 "the environment was made as $made_for and does not work from here" "run rm -rf $VENV, then ./dev setup"
  [ -x "$VENV/bin/python" ] || check_python
  mkdir -p "$STATE"
  exec 9>"$STATE/lock"
  flock -n 9 || { echo "  waiting for another ./dev setup" >&2 && flock 9; }

  say "environment in $VENV ($profile)"
  [ -n "$(stamp_of profile)" ] ||
    echo "first run: setting up $VENV, up to 4 GB and several minutes; logs in $STATE/logs" >&2
  local pins torch ros
  pins="$(hash_of requirements/constraints.txt)"
  step venv "$VENV" "a virtual environment" make_venv
  torch="$(grep '^torch==' "$ROOT/requirements/robot.txt")"
  step torch "$torch" "$torch" install_torch
  step robot "$pins-$(hash_of requirements/robot.txt)" "core, reasoner, tracking" install_robot
  ros="$pins-$(hash_of requirements/ros.txt)"
  step ros "$ros" "ROS 2 wheels, message generators, colcon" install_ros
  if [ "$profile" = full ]; then
    step training "$pins-$(hash_of requirements/training.txt)" "training, evaluation, viewing" install_training
    step dev "$pins-$(hash_of requirements/dev.txt)" "tests and checks" install_dev
  fi
  step mends "$ros-$(hash_of tools/setup/torchvision_mend.py tools/setup/mend_ros_cmake.py)" \
    "torchvision beside CPU torch, CMake paths of the ROS wheels" install_mends
  step packages "$ros-$(hash_of msg overlay)" "colcon build of msg/ and overlay/" build_ros_packages
  step project "$(hash_of setup.py setup.cfg pyproject.toml package.xml tools/setup/steps.sh)-$(test -d "$ROOT/training" && echo training)" \
    "scene_r1_ros itself, in place" install_project
  step check "$(cat "$STATE"/stamps/{robot,ros,project} | hash_text)-$profile" "pip check" check_packages
  # a robot set-up beside a full one does not make it less
  [ "$profile" = full ] || [ "$(stamp_of profile)" = full ] || echo robot >"$STATE/stamps/profile"
  [ "$profile" = robot ] || echo full >"$STATE/stamps/profile"
  exec 9>&-
  say "ready: try ./dev demo, or ./dev exec scene-r1 --help"
}

hash_text() { sha256sum | cut -c1-16; }

# ensure_setup [full]: what demo, test, lint and bench do first; prints only what has to be done.
ensure_setup() {
  local profile="${1:-}"
  [ -n "$profile" ] || profile="$(stamp_of profile)"
  if [ "$profile" = robot ]; then QUIET=1 setup --robot; else QUIET=1 setup; fi
}
