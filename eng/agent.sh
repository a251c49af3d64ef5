#!/usr/bin/env bash
# Publishes the agent, the program envplatform, in the forms that its users get.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
single=(linux-x64 linux-arm64 osx-arm64 osx-x64 win-x64)

usage() {
  cat <<'TEXT'
usage: eng/agent.sh [--form FORM] [--rid RID] FOLDER
       eng/agent.sh --all FOLDER

Publishes the agent into FOLDER, and says in one line which form it took. Ends with 0, or with 1 where nothing could be published.

  --form FORM   native     native code of this machine's platform; needs clang or gcc, and ld
                single     one file with its own .NET runtime, for the platform of --rid
                framework  compiled ahead of time, for a .NET runtime that is there
                auto       native where this machine can build it, else framework (the default)
  --rid RID     linux-x64, linux-arm64, osx-arm64, osx-x64 or win-x64; this machine's by default
  --all         the single file of each platform, in FOLDER/RID, and the native form of this machine's in FOLDER/native
TEXT
}

fail() {
  echo "eng/agent.sh: $*" >&2
  exit 1
}

usage_error() {
  echo "eng/agent.sh: $*; see eng/agent.sh --help" >&2
  exit 64
}

# The platform of this machine, as .NET names it.
own_rid() {
  local system machine
  case $(uname -s) in
    Linux) system=linux ;;
    Darwin) system=osx ;;
    MINGW* | MSYS* | CYGWIN*) system=win ;;
    *) system=unknown ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) machine=unknown ;;
  esac
  echo "$system-$machine"
}

# What keeps this machine from linking native code; nothing where it can.
missing_for_native() {
  local compiler trial
  case $(own_rid) in
    linux-x64 | linux-arm64 | osx-x64 | osx-arm64) ;;
    *)
      echo "this script builds it on Linux and macOS only"
      return
      ;;
  esac
  compiler=$(command -v clang || command -v gcc) || {
    echo "neither clang nor gcc is there"
    return
  }
  trial=$(mktemp -d)
  if ! echo 'int main(void) { return 0; }' | "$compiler" -x c - -o "$trial/program" >/dev/null 2>&1; then
    echo "$compiler links no program: are ld and the C library's development files there?"
  fi
  rm -rf "$trial"
}

# publish FORM RID FOLDER: builds beside the other builds, so that none disturbs another, and replaces the folder only by what is complete.
# What the compiler said is in $log.
publish() {
  local form=$1 rid=$2 folder=$3 options=() work=$root/artifacts/agent-$1-$2
  case $form in
    native)
      options=(-p:PublishAot=true)
      command -v clang >/dev/null || options+=(-p:CppCompilerAndLinker=gcc)
      ;;
    single) options=(-p:PublishSingleFile=true) ;;
    framework) options=() ;;
  esac
  mkdir -p "$work"
  log=$work/publish.log
  # Another run of this script may be building the same.
  exec 9>"$work/lock"
  ! command -v flock >/dev/null || flock 9
  # What a build that was interrupted left looks complete to the next one.
  [[ ! -e $work/unfinished ]] || rm -rf "$work/obj" "$work/bin"
  touch "$work/unfinished"
  rm -rf "$work/out"
  # The analyzers of the sources have had their say in the ordinary build; those of trimming run with the compilation of each form.
  DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 \
    dotnet publish "$root/src/Agent" -c Release -r "$rid" -o "$work/out" -v quiet -tl:off -clp:NoSummary -nodeReuse:false \
    -p:ArtifactsPath="$work" -p:UseSharedCompilation=false -p:RunAnalyzers=false "${options[@]}" >"$log" 2>&1 </dev/null 9>&- || return 1
  if grep -E 'warning (IL|NETSDK|CS)[0-9]+' "$log" >&2; then
    return 1
  fi

  rm -f "$work/unfinished"
  replace "$work/out" "$folder" >>"$log" 2>&1 || return 1
  exec 9>&-
}

# replace FROM FOLDER: puts the files in place of those of another form, which may be more.
replace() {
  mkdir -p "$2" &&
    { [[ ! -e $2/envplatform.deps.json ]] || rm -f "$2"/*.dll; } &&
    rm -f "$2"/envplatform* &&
    cp -R "$1/." "$2/"
}

# The lines of the log that say what went wrong.
reason() {
  { grep -E 'error|undefined reference|cannot' "$log" || tail -n 5 "$log"; } | sed -E 's/^.*: error /error /' | cut -c 1-160 | sort -u \
    | head -n 5
}

publish_or_fail() {
  publish "$@" || {
    reason >&2
    fail "the $1 form for $2 could not be published; all of it is in $log"
  }
}

say() {
  echo "Published the agent for $2 as $1, $(du -sk "$3" | cut -f 1) KB in $3${4:+ ($4)}"
}

form=auto rid= all=false folder=
while [[ $# -gt 0 ]]; do
  case $1 in
    --form | --rid)
      [[ $# -ge 2 ]] || usage_error "$1 needs a value"
      if [[ $1 == --form ]]; then form=$2; else rid=$2; fi
      shift 2
      ;;
    --all) all=true; shift ;;
    --help | -h) usage; exit 0 ;;
    -*) usage_error "Unknown option $1" ;;
    *)
      [[ -z $folder ]] || usage_error "One folder only"
      folder=$1
      shift
      ;;
  esac
done
[[ -n $folder ]] || usage_error "Say into which folder"
[[ $form =~ ^(auto|native|single|framework)$ ]] || usage_error "There is no form $form"
[[ -z $rid || " ${single[*]} " == *" $rid "* ]] || usage_error "There is no platform $rid"
command -v dotnet >/dev/null || fail "the .NET SDK is missing"
[[ $folder == /* ]] || folder=$PWD/$folder
own=$(own_rid)
rid=${rid:-$own}

if [[ $all == true ]]; then
  [[ $form == auto && $rid == "$own" ]] || usage_error "--all takes neither --form nor --rid"
  for platform in "${single[@]}"; do
    publish_or_fail single "$platform" "$folder/$platform"
    say "a single file" "$platform" "$folder/$platform"
  done
  if why=$(missing_for_native) && [[ -z $why ]]; then
    publish_or_fail native "$own" "$folder/native"
    say "native code" "$own" "$folder/native"
  else
    echo "No native form: $why"
  fi
  exit 0
fi

[[ $form != native || $rid == "$own" ]] || usage_error "Native code is built for this machine's platform only, $own"
case $form in
  single)
    publish_or_fail single "$rid" "$folder"
    say "a single file" "$rid" "$folder"
    ;;
  framework)
    publish_or_fail framework "$rid" "$folder"
    say "files for an installed .NET runtime" "$rid" "$folder"
    ;;
  native)
    why=$(missing_for_native)
    [[ -z $why ]] || fail "no native code here: $why"
    publish_or_fail native "$rid" "$folder"
    say "native code" "$rid" "$folder"
    ;;
  auto)
    why=
    [[ $rid == "$own" ]] || why="this machine is of another platform, $own"
    [[ -n $why ]] || why=$(missing_for_native)
    if [[ -z $why ]]; then
      if publish native "$rid" "$folder"; then
        say "native code" "$rid" "$folder"
        exit 0
      fi
      why="native code could not be built: $(reason | head -n 1)"
    fi
    publish_or_fail framework "$rid" "$folder"
    say "files for an installed .NET runtime" "$rid" "$folder" "$why"
    ;;
esac
