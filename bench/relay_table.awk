# A table of docs/performance.md. First file: figures of runs, "measure subject figure value"; second: rows,
# "LABEL|UNIT|MEASURED|FLOOR|TARGET", where a figure is measure:subject:figure, perhaps with *N or /N after it. Shows the
# median of all rounds with the range. Floor and relay are run in turn, so the ratio is the median of the ratios of the
# rounds: what the machine did meanwhile is in both. TARGET: <=N, <N or >=N, of the ratio, or of the measured where there is
# no floor or "value" stands before it. FLOOR may be =N, a figure that was not measured here. with_targets: with the columns of
# the targets; against: what the third column shows.
FNR == NR {
  key = $1 ":" $2 ":" $3
  all[key, ++count[key]] = $4
  next
}
FNR == 1 {
  print "| measure | measured | " (against == "" ? "floor or compared" : against) " | ratio |" (with_targets ? " target | met |" : "")
  print "|---|---|---|---|" (with_targets ? "---|---|" : "")
}
{
  split($0, part, "|")
  runs = look(part[3], ours)
  if (runs == 0) next
  shown = summary(ours, runs); value = median; text = shown " " part[2]
  floor_text = ratio_text = ""
  compared = (part[4] == "") ? 0 : look(part[4], theirs)
  if (compared > 0) {
    floor_text = summary(theirs, compared) " " part[2]
    floor_median = median
    if (compared == runs) {
      for (i = 1; i <= runs; i++) ratios[i] = (theirs[i] > 0) ? ours[i] / theirs[i] : 0
      ratio_text = summary(ratios, runs); ratio = median
    } else {
      ratio = (floor_median > 0) ? value / floor_median : 0
      ratio_text = number(ratio)
    }
    if (part[5] !~ /^value/) value = ratio
  }
  target = part[5]; sub(/^value/, "", target)
  line = "| " part[1] " | " text " | " floor_text " | " ratio_text " |"
  if (with_targets) line = line " " target_text(target) " | " met(value, target) " |"
  print line
}

# Fills values with the figure of each round; how many there are.
function look(name, values,    factor, at, i, n) {
  factor = 1
  if ((at = index(name, "/")) > 0) { factor = 1 / substr(name, at + 1); name = substr(name, 1, at - 1) }
  else if ((at = index(name, "*")) > 0) { factor = substr(name, at + 1) + 0; name = substr(name, 1, at - 1) }
  if (name ~ /^=/) { values[1] = substr(name, 2) + 0; return 1 }
  n = count[name]
  for (i = 1; i <= n; i++) values[i] = all[name, i] * factor
  return n + 0
}
# Median and range as text; sets median.
function summary(values, n,    i, j, swap, sorted) {
  for (i = 1; i <= n; i++) sorted[i] = values[i]
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && sorted[j] < sorted[j - 1]; j--) { swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap }
  median = (n % 2) ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
  return number(median) ((n == 1) ? "" : " (" number(sorted[1]) "–" number(sorted[n]) ")")
}
function number(value,    size) {
  size = (value < 0) ? -value : value
  return sprintf((size >= 100) ? "%.0f" : (size >= 10) ? "%.1f" : "%.2f", value)
}
function target_text(target) { sub(/<=/, "≤ ", target); sub(/>=/, "≥ ", target); sub(/</, "< ", target); return target }
function met(value, target) {
  if (target == "") return ""
  if (target ~ /^<=/) return (value <= substr(target, 3) + 0) ? "yes" : "**no**"
  if (target ~ /^>=/) return (value >= substr(target, 3) + 0) ? "yes" : "**no**"
  return (value < substr(target, 2) + 0) ? "yes" : "**no**"
}
