# Sourced by run and test: the programs that the platform needs on the machine, installed when they are missing.

need_dotnet() {
  command -v dotnet >/dev/null && return
  echo "The .NET SDK is missing: https://dotnet.microsoft.com/download (version in global.json), or the package dotnet-sdk-10.0." >&2
  exit 1
}

# PostgreSQL, RabbitMQ and Redis. Only the programs are wanted: what the packages would start as services of the machine stays off.
need_servers() {
  local missing=()
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || command -v postgres >/dev/null || missing+=(postgresql)
  [[ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]] || missing+=(rabbitmq-server)
  command -v redis-server >/dev/null || missing+=(redis-server)
  install_packages "${missing[@]}"
}

# What the tests use beside the servers: a browser, a C compiler and linker for the native agent, Python for the independent verifier,
# the shells that the agent's hook is for, a keyring for its secrets, and a syslog receiver.
need_test_programs() {
  local missing=()
  command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
  command -v clang >/dev/null || command -v gcc >/dev/null || missing+=(clang)
  [[ -e /usr/include/zlib.h ]] || missing+=(zlib1g-dev)
  python3 -c 'import cryptography' 2>/dev/null || missing+=(python3-cryptography)
  command -v zsh >/dev/null || missing+=(zsh)
  command -v fish >/dev/null || missing+=(fish)
  command -v curl >/dev/null || missing+=(curl)
  command -v dbus-run-session >/dev/null || missing+=(dbus)
  command -v gnome-keyring-daemon >/dev/null || missing+=(gnome-keyring)
  command -v secret-tool >/dev/null || missing+=(libsecret-tools)
  [[ -x /usr/sbin/rsyslogd ]] || missing+=(rsyslog)
  compgen -G '/usr/lib/*/rsyslog/lmnsd_gtls.so' >/dev/null || missing+=(rsyslog-gnutls)
  install_packages "${missing[@]}"
}

install_packages() {
  local missing=("$@")
  [[ ${#missing[@]} == 0 ]] && return

  local sudo=()
  if [[ $EUID != 0 ]]; then
    sudo=(sudo)
    [[ -t 0 ]] || sudo+=(-n)
  fi
  if ! command -v apt-get >/dev/null || { [[ $EUID != 0 ]] && ! "${sudo[@]}" true 2>/dev/null; }; then
    echo "Missing: ${missing[*]}. Install them and try again; on Debian and Ubuntu: apt-get install ${missing[*]}" >&2
    exit 1
  fi

  echo "Installing ${missing[*]} ..."
  local policy=/usr/sbin/policy-rc.d log status=0
  log=$(mktemp)
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" install -m 755 /dev/stdin "$policy"
  else
    policy=
  fi
  {
    "${sudo[@]}" apt-get update -q &&
      "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
  } >"$log" 2>&1 </dev/null || status=$?
  [[ -z $policy ]] || "${sudo[@]}" rm -f "$policy"
  if [[ -d /run/systemd/system ]]; then
    "${sudo[@]}" systemctl disable --quiet "${missing[@]}" 2>/dev/null || true
  fi
  if [[ $status != 0 ]]; then
    tail -n 20 "$log" >&2
    echo "Could not install ${missing[*]}." >&2
  fi
  rm -f "$log"
  [[ $status == 0 ]] || exit 1
}
