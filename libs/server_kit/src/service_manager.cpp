#include "simplex/server_kit/service_manager.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>

namespace simplex::server_kit {

ServiceManager::ServiceManager(const char* notify_socket, const char* watchdog_microseconds) {
  if (notify_socket == nullptr || (*notify_socket != '/' && *notify_socket != '@')) return;
  socket_ = notify_socket;
  if (watchdog_microseconds == nullptr) return;
  std::int64_t limit = 0;
  const std::string_view text(watchdog_microseconds);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  // Twice within the limit.
  if (error == std::errc() && end == text.data() + text.size() && limit > 0) {
    watchdog_interval_ = std::chrono::microseconds(limit / 2);
  }
}

ServiceManager ServiceManager::from_environment() {
  return ServiceManager(std::getenv("NOTIFY_SOCKET"),   // NOLINT(concurrency-mt-unsafe): one thread yet
                        std::getenv("WATCHDOG_USEC"));  // NOLINT(concurrency-mt-unsafe)
}

void ServiceManager::ready(std::string_view status) const { tell("READY=1\nSTATUS=" + std::string(status)); }
void ServiceManager::status(std::string_view status) const { tell("STATUS=" + std::string(status)); }
void ServiceManager::reloading(const Clock& clock) const {
  const auto now = std::chrono::duration_cast<std::chrono::microseconds>(clock.now().time_since_epoch());
  tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()));
}
void ServiceManager::stopping() const { tell("STOPPING=1"); }
void ServiceManager::alive() const { tell("WATCHDOG=1"); }

// A manager that does not listen changes nothing for the server.
void ServiceManager::tell(const std::string& message) const {
  sockaddr_un address{};
  if (socket_.empty() || socket_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket_.data(), socket_.size());
  if (socket_[0] == '@') address.sun_path[0] = '\0';
  const int descriptor = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return;
  const auto size = offsetof(sockaddr_un, sun_path) + socket_.size();
  (void)::sendto(descriptor, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(size));
  ::close(descriptor);
}

}  // namespace simplex::server_kit
