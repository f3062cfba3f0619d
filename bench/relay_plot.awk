# docs/performance.svg: CPU of a message against pairs of connections, and against queues that are there. Reads the figures of
# runs, "measure subject figure value", of the measures messages-N (pairs) and plot-queues-N; draws the medians.
$1 ~ /^(messages|plot-queues)-[0-9]+$/ && $3 == "cpu_us" {
  panel = ($1 ~ /^messages/) ? "pairs" : "queues"
  x = $1; sub(/.*-/, "", x); x += 0
  key = panel SUBSEP $2 SUBSEP x
  all[key, ++count[key]] = $4
  xs[panel, x] = x
  if (!((panel, x) in seen)) { seen[panel, x]; order[panel, ++points[panel]] = x }
  subjects[$2]
}
END {
  width = 420; height = 300; left = 60; top = 40; gap = 60
  name["floor"] = "floor"; name["memory"] = "relay, memory store"; name["durable"] = "relay, durable store"
  color["floor"] = "#777777"; color["memory"] = "#0a6ebd"; color["durable"] = "#c4501b"
  title["pairs"] = "pairs of connections"; title["queues"] = "other queues"
  for (key in count) { middle[key] = median(key); if (middle[key] > highest) highest = middle[key] }
  step = nice(highest / 5); limit = step * (int(highest / step) + 1)
  printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"12\">\n", \
    2 * width + gap + left + 20, height + top + 60
  print "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>"
  printf "<text x=\"%d\" y=\"20\">CPU of one message of 16,000 octets, SMP v18, µs</text>\n", left
  draw("pairs", left)
  draw("queues", left + width + gap)
  print "</svg>"
}
function draw(panel, from,    i, j, x, y, subject, line, key, swap, smallest, largest, row) {
  if (points[panel] == 0) return
  for (i = 2; i <= points[panel]; i++)
    for (j = i; j > 1 && order[panel, j] < order[panel, j - 1]; j--) {
      swap = order[panel, j]; order[panel, j] = order[panel, j - 1]; order[panel, j - 1] = swap
    }
  smallest = place(order[panel, 1]); largest = place(order[panel, points[panel]])
  for (y = 0; y <= limit + step / 2; y += step) {
    printf "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/>\n", from, down(y), from + width, down(y)
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" fill=\"#555555\">%d</text>\n", from - 6, down(y) + 4, y
  }
  for (i = 1; i <= points[panel]; i++)
    printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" fill=\"#555555\">%d</text>\n", \
      across(order[panel, i], from, smallest, largest), top + height + 18, order[panel, i]
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", from + width / 2, top + height + 40, title[panel]
  row = 0
  for (i = 1; i <= 3; i++) {
    subject = (i == 1) ? "floor" : (i == 2) ? "memory" : "durable"
    line = ""
    for (j = 1; j <= points[panel]; j++) {
      x = order[panel, j]; key = panel SUBSEP subject SUBSEP x
      if (!(key in middle)) continue
      line = line sprintf(" %.1f,%.1f", across(x, from, smallest, largest), down(middle[key]))
    }
    if (line == "") continue
    printf "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"2\" points=\"%s\"/>\n", color[subject], substr(line, 2)
    printf "<text x=\"%.1f\" y=\"%.1f\" fill=\"%s\">%s</text>\n", from + 12, top + height - 12 - 16 * row++, color[subject], name[subject]
  }
}
# Both axes of numbers are logarithmic, with 0 before 1.
function place(x) { return (x < 1) ? -1 : log(x) }
function across(x, from, smallest, largest) {
  return from + 20 + (width - 40) * ((largest > smallest) ? (place(x) - smallest) / (largest - smallest) : 0.5)
}
function down(y) { return top + height * (1 - y / limit) }
function nice(x,    power) {
  if (x <= 0) return 1
  power = 10 ^ int(log(x) / log(10))
  return (x / power > 5) ? 10 * power : (x / power > 2) ? 5 * power : (x / power > 1) ? 2 * power : power
}
function median(key,    i, j, n, swap, sorted) {
  n = count[key]
  for (i = 1; i <= n; i++) sorted[i] = all[key, i]
  for (i = 2; i <= n; i++)
    for (j = i; j > 1 && sorted[j] < sorted[j - 1]; j--) { swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap }
  return (n % 2) ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}
