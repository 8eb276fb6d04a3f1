# Reads go test -v and prints what a person wants to see: failures whole, every
# skip with its reason, one line per package, and the totals.
function say(line) { print line; fflush() } # as it happens, not when a buffer is full
/^=== (RUN|PAUSE|CONT|NAME)/ { if ($2 == "RUN") { held = "" }; next }
/^ *--- PASS/ { passed++; held = ""; next }
/^ *--- SKIP/ { skipped++; say($0); if (held != "") printf "%s", held; held = ""; next }
/^ *--- FAIL/ { failed++; say($0); if (held != "") printf "%s", held; held = ""; next }
/^(ok|FAIL|panic|#|---)/ { if (held != "" && $1 != "ok") printf "%s", held; held = ""; say($0); next }
/^(PASS|\?|coverage)/ || /no test files/ { held = ""; next }
{ held = held $0 "\n" }
END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }
