// The parts of read_config(), by sections of smp-server.ini. Values that are not set stay as the settings have them.
#pragma once

#include <concepts>

#include "simplex/smp/server/config.hpp"

namespace simplex::smp::server {

// A section, and what is read of it.
class SectionReader {
 public:
  SectionReader(server_kit::IniSettings& settings, std::string_view section) : settings_(settings), section_(section) {}

  static constexpr std::int64_t most = std::int64_t{1} << 40;

  template <std::integral T>
  void number(std::string_view key, T& value, std::int64_t min, std::int64_t max = most) {
    value = static_cast<T>(settings_.number(section_, key, static_cast<std::int64_t>(value), min, max));
  }
  template <class Unit = std::chrono::seconds, class Rep, class Period>
  void time(std::string_view key, std::chrono::duration<Rep, Period>& value, std::int64_t min,
            std::int64_t max = 3'153'600'000) {
    const auto units = std::chrono::duration_cast<Unit>(value).count();
    value = std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(
        Unit(settings_.number(section_, key, static_cast<std::int64_t>(units), min, max)));
  }
  void on_off(std::string_view key, bool& value) { value = settings_.on_off(section_, key, value); }
  void text(std::string_view key, std::string& value) { value = settings_.text(section_, key, value); }
  [[nodiscard]] std::optional<std::string> optional(std::string_view key) {
    return settings_.optional_text(section_, key);
  }
  void path(std::string_view key, std::filesystem::path& value) {
    value = settings_.text(section_, key, value.string());
  }
  void problem(std::string_view key, std::string_view what) { settings_.problem(section_, key, what); }

  // The reference counts in days or hours; the other key says the same in seconds.
  void period(std::string_view key, std::chrono::seconds unit, std::string_view key_in_seconds,
              std::chrono::seconds& value);

 private:
  server_kit::IniSettings& settings_;
  std::string_view section_;
};

void read_stores(server_kit::IniSettings& settings, const ServerFolders& folders, ServerConfig& config);
void read_transport(server_kit::IniSettings& settings, const ServerFolders& folders, ServerConfig& config);
void read_auth(server_kit::IniSettings& settings, ServerConfig& config);
void read_operations(server_kit::IniSettings& settings, const ServerFolders& folders, ServerConfig& config);
void read_limits(server_kit::IniSettings& settings, ServerConfig& config);

// Of the relay itself; after everything else.
void check_ports(server_kit::IniSettings& settings, const ServerConfig& config);

// A name, an IPv4 or IPv6 address or an onion name.
[[nodiscard]] Result<> is_host(std::string_view text);
// Words of a list, which are separated by commas or blanks.
[[nodiscard]] std::vector<std::string> words_of(std::string_view list);

}  // namespace simplex::smp::server
