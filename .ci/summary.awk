# Reads go test -v and prints what a person wants to see, as it happens:
# failures whole, every skip with its reason, one line per package, and the
# totals. What a test says stands before its result, between what others say,
# hence it is held by name.
function say(text) { printf "%s", text; fflush() }
function told() { say($0 "\n" held[$3]); delete held[$3] }
/^=== (RUN|PAUSE|CONT|NAME)/ { name = $3; next }
/^ *--- PASS/ { passed++; delete held[$3]; next }
/^ *--- SKIP/ { skipped++; told(); name = $3; next }
/^ *--- FAIL/ { failed++; told(); name = $3; next }
/^ok/ { say($0 "\n"); split("", held); name = ""; next }
/^(FAIL|panic|#|---)/ { say(held[name] $0 "\n"); delete held[name]; if (/^#/) name = ""; next }
/^(PASS|\?|coverage)/ || /no test files/ { next }
{ held[name] = held[name] $0 "\n" }
END { say(held[""]); printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }
