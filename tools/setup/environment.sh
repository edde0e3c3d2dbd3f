# Environment variables of everything that ./dev runs; sourced by ../../dev.

# The ROS wheels put libraries into .venv/lib and site-packages/ros_*.libs and would restart the
# interpreter to have them found; with everything set from the start they need not.
enter_environment() {
  local folder libraries="$VENV/lib" site
  site="$(echo "$VENV"/lib/python3.*/site-packages)"
  for folder in "$site"/ros_*.libs; do
    [ -d "$folder" ] && libraries="$libraries:$folder"
  done
  export _ROS_WHEELS_BOOTSTRAP_COMPLETE=1
  export LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
  export PATH="$VENV/bin:$PATH"
  export VIRTUAL_ENV="$VENV"
  # One ROS at a time: what a sourced ROS install has set would mix two builds of the same libraries.
  export AMENT_PREFIX_PATH="$VENV" CMAKE_PREFIX_PATH="$VENV"
  export RMW_IMPLEMENTATION=rmw_fastrtps_cpp
  export ROS_DISTRO=jazzy ROS_VERSION=2 ROS_PYTHON_VERSION=3
  case "${PYTHONPATH:-}" in */opt/ros/*) unset PYTHONPATH ;; esac

  local profile="$ROOT/config/fastdds_shm.xml"
  if [ -z "${FASTRTPS_DEFAULT_PROFILES_FILE:-}${FASTDDS_DEFAULT_PROFILES_FILE:-}" ] && [ -f "$profile" ]; then
    # the first is read by Fast DDS 2 (Humble, Jazzy), the second by Fast DDS 3
    export FASTRTPS_DEFAULT_PROFILES_FILE="$profile" FASTDDS_DEFAULT_PROFILES_FILE="$profile"
  fi
}
