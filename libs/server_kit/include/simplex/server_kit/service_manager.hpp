// What a server tells the service manager that started it (systemd, Type=notify): datagrams to the socket that the
// environment names. Without one, nothing is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "simplex/base/clock.hpp"

namespace simplex::server_kit {

class ServiceManager {
 public:
  // NOTIFY_SOCKET: a path, or @NAME of an abstract socket. WATCHDOG_USEC: microseconds.
  explicit ServiceManager(const char* notify_socket, const char* watchdog_microseconds = nullptr);
  // Of this process. Before other threads are started.
  [[nodiscard]] static ServiceManager from_environment();

  void ready(std::string_view status) const;
  void status(std::string_view status) const;
  // The end of it is told by ready().
  void reloading(const Clock& clock) const;
  void stopping() const;
  // How often alive() has to be called; nothing: not at all.
  [[nodiscard]] std::optional<Duration> watchdog_interval() const { return watchdog_interval_; }
  void alive() const;

 private:
  void tell(const std::string& message) const;

  std::string socket_;  // empty: there is none
  std::optional<Duration> watchdog_interval_;
};

}  // namespace simplex::server_kit
