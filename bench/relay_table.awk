# The table of docs/performance.md. First file: figures of runs, "measure subject figure value"; second: rows,
# "LABEL|UNIT|MEASURED|FLOOR|TARGET", where a figure is measure:subject:figure, perhaps with *N or /N after it. Shows the
# median of all rounds with the range, and the ratio of the medians where there is a floor. TARGET: <=N, <N or >=N, of the
# ratio, or of the measured where there is no floor or "value" stands before it.
FNR == NR {
  key = $1 ":" $2 ":" $3
  all[key, ++count[key]] = $4
  next
}
FNR == 1 {
  print "| measure | measured | floor | ratio | target | met |"
  print "|---|---|---|---|---|---|"
}
{
  split($0, part, "|")
  if (!look(part[3])) next
  measured = median; text = shown() " " part[2]
  floor_text = ratio_text = ""
  value = measured
  if (part[4] != "" && look(part[4])) {
    floor_text = shown() " " part[2]
    if (median > 0) ratio_text = number(measured / median)
    if (part[5] !~ /^value/ && median > 0) value = measured / median
  }
  target = part[5]; sub(/^value/, "", target)
  printf "| %s | %s | %s | %s | %s | %s |\n", part[1], text, floor_text, ratio_text, target_text(target), met(value, target)
}

# Sets median, lowest and highest of a figure; 0 when nothing was measured.
function look(name,    factor, at, i, j, n, swap, sorted) {
  factor = 1
  if ((at = index(name, "/")) > 0) { factor = 1 / substr(name, at + 1); name = substr(name, 1, at - 1) }
  else if ((at = index(name, "*")) > 0) { factor = substr(name, at + 1) + 0; name = substr(name, 1, at - 1) }
  n = count[name]
  if (n == 0) return 0
  for (i = 1; i <= n; i++) sorted[i] = all[name, i] * factor
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && sorted[j] < sorted[j - 1]; j--) { swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap }
  median = (n % 2) ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
  lowest = sorted[1]; highest = sorted[n]
  return 1
}
function number(value,    size) {
  size = (value < 0) ? -value : value
  return sprintf((size >= 100) ? "%.0f" : (size >= 10) ? "%.1f" : "%.2f", value)
}
function shown() { return (lowest == highest) ? number(median) : number(median) " (" number(lowest) "–" number(highest) ")" }
function target_text(target) { sub(/<=/, "≤ ", target); sub(/>=/, "≥ ", target); sub(/</, "< ", target); return target }
function met(value, target) {
  if (target == "") return ""
  if (target ~ /^<=/) return (value <= substr(target, 3) + 0) ? "yes" : "**no**"
  if (target ~ /^>=/) return (value >= substr(target, 3) + 0) ? "yes" : "**no**"
  return (value < substr(target, 2) + 0) ? "yes" : "**no**"
}
