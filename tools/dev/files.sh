# Which C++ files ./dev lint and ./dev format look at. Sourced after common.sh.
# our_files all | changed: "changed" are those that differ from the branch main, or are not committed.
our_files() {
  {
    if [ "$1" = all ]; then
      git ls-files --cached --others --exclude-standard
    else
      git diff --name-only --diff-filter=d "$(git merge-base HEAD main 2>/dev/null || echo HEAD)"
      git ls-files --others --exclude-standard
    fi
  } | grep -E '^(libs|apps|tests|bench|fuzz|tools)/.*\.(cpp|hpp|c|h)$' | grep -v '^libs/.*/third_party/' | sort -u || true
}
