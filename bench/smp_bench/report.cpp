#include "report.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace simplex::bench {
namespace {

double microseconds(Duration time) { return std::chrono::duration<double, std::micro>(time).count(); }
double seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char each : text) {
    if (each == '"' || each == '\\') out += '\\';
    if (static_cast<unsigned char>(each) < 0x20) continue;  // no setting has one
    out += each;
  }
  return out + '"';
}

// A number with what a reader can use of it.
std::string short_number(double value) {
  const double size = value < 0 ? -value : value;
  return fmt::format("{:.{}f}", value, size >= 1000 ? 0 : size >= 10 ? 1 : 3);
}

std::string value_text(const Figure& figure) {
  if (const auto* whole = std::get_if<std::uint64_t>(&figure.value)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&figure.value)) return short_number(*number);
  return std::get<std::string>(figure.value);
}

void add_latency(std::vector<Figure>& figures, const std::string& name, const std::string& text,
                 const Histogram& times) {
  if (times.count() == 0) return;
  for (const auto& [share, label] : {std::pair(0.5, "50"), {0.9, "90"}, {0.99, "99"}, {0.999, "99.9"}}) {
    std::string key = label;
    std::erase(key, '.');
    figures.push_back(
        {name + "_p" + key + "_us", text + ", p" + label + ", µs", microseconds(times.percentile(share))});
  }
  figures.push_back({name + "_max_us", text + ", longest, µs", microseconds(times.max())});
}

}  // namespace

const char* operation_of(Mode mode) {
  switch (mode) {
    case Mode::messages: return "message";
    case Mode::idle: return "connection";
    case Mode::create: return "queue";
    case Mode::resubscribe: return "subscription";
    case Mode::handshakes: return "handshake";
  }
  return "";
}

std::vector<Figure> figures_of(const Settings& settings, const Measured& measured) {
  const std::string operation = operation_of(settings.mode);
  const auto& tally = measured.tally;
  const auto operations = static_cast<double>(tally.operations);
  const auto whole = [](std::size_t value) { return static_cast<std::uint64_t>(value); };
  std::vector<Figure> all;
  all.push_back({"operation", "measured", operation});
  all.push_back({"smp_version", "SMP version", whole(settings.version.value())});
  all.push_back({"recipient_key", "key of the recipient", std::string(name_of(settings.recipient_key))});
  if (settings.mode == Mode::messages) {
    all.push_back({"sender_key", "key of the sender", std::string(name_of(settings.sender_key))});
    all.push_back({"routed", "through a proxy", std::string(settings.proxy ? "yes" : "no")});
    all.push_back({"pairs", "pairs of connections", whole(settings.pairs)});
    all.push_back({"queues", "queues of a pair", whole(settings.queues)});
    all.push_back({"size", "octets of a message", whole(settings.size)});
    all.push_back({"rate", "messages wanted a second (0: all)", settings.rate});
    all.push_back({"idle_connections", "idle connections beside", whole(settings.idle)});
  } else {
    all.push_back({"connections", "connections", whole(settings.connections)});
    if (settings.mode == Mode::create) {
      all.push_back({"secured", "with the sender's key", std::string(settings.secure ? "yes" : "no")});
    }
    if (settings.mode == Mode::idle || settings.mode == Mode::resubscribe) {
      all.push_back({"queues", "queues of a connection", whole(settings.queues)});
    }
  }
  all.push_back({"window", "under way at a time (0: usual)", whole(settings.window)});
  all.push_back({"batch", "commands in a block", whole(settings.batch)});
  all.push_back({"threads", "threads of the generator", whole(settings.threads)});
  all.push_back({"seconds", "time, s", seconds(measured.time)});
  all.push_back({"operations", operation + "s", tally.operations});
  all.push_back({"per_second", operation + "s a second", operations / std::max(seconds(measured.time), 1e-9)});
  if (settings.mode == Mode::messages) {
    all.push_back({"sent", "messages taken by the relay", tally.sent});
    all.push_back({"delivered", "messages delivered", tally.delivered});
    add_latency(all, "delivery", "from SEND to MSG", tally.delivery);
  }
  add_latency(all, "latency", settings.mode == Mode::messages ? "from SEND to the end of ACK" : "latency",
              tally.latency);
  if (tally.operations > 0) {
    all.push_back({"generator_cpu_us", "CPU of the generator for one " + operation + ", µs",
                   microseconds(measured.own_cpu) / operations});
  }
  if (!measured.before || !measured.after) return all;
  const auto cpu = measured.after->cpu - measured.before->cpu;
  if (tally.operations > 0) {
    all.push_back({"cpu_us", "CPU of the relay for one " + operation + ", µs", microseconds(cpu) / operations});
  }
  all.push_back({"cpu_seconds", "CPU of the relay, s", seconds(cpu)});
  all.push_back(
      {"system_seconds", "of it in the kernel, s", seconds(measured.after->system - measured.before->system)});
  all.push_back({"cores", "cores that the relay kept busy", seconds(cpu) / std::max(seconds(measured.time), 1e-9)});
  all.push_back({"resident_before", "memory of the relay before, octets", measured.before->resident});
  all.push_back({"resident", "memory of the relay after, octets", measured.after->resident});
  if (tally.operations > 0) {
    const auto grown = static_cast<double>(measured.after->resident) - static_cast<double>(measured.before->resident);
    all.push_back(
        {"grown_per_operation", "memory that it grew by for one " + operation + ", octets", grown / operations});
  }
  return all;
}

std::string as_json(const std::vector<Figure>& figures) {
  std::string out = "{";
  const char* separator = "\n";
  for (const auto& figure : figures) {
    const auto* text = std::get_if<std::string>(&figure.value);
    const auto* number = std::get_if<double>(&figure.value);
    out += fmt::format("{}  \"{}\": {}", std::exchange(separator, ",\n"), figure.name,
                       text != nullptr     ? json_text(*text)
                       : number != nullptr ? fmt::format("{:.6f}", *number)
                                           : std::to_string(std::get<std::uint64_t>(figure.value)));
  }
  return out + "\n}\n";
}

std::string as_table(const std::vector<Figure>& figures) {
  // µ has two octets and one column.
  const auto columns = [](std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, [](char each) { return (each & 0xC0) != 0x80; }));
  };
  std::size_t width = 0;
  for (const auto& figure : figures) width = std::max(width, columns(figure.text));
  std::string out;
  for (const auto& figure : figures) {
    out += figure.text + std::string(width - columns(figure.text), ' ') + "  " + value_text(figure) + "\n";
  }
  return out;
}

}  // namespace simplex::bench
