#include "socks_server.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>

namespace simplex::end_to_end {
namespace {

sockaddr_in here(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

// Whether the first is ready before everything ends.
bool ready(int socket, int wake) {
  std::array<pollfd, 2> watched{pollfd{socket, POLLIN, 0}, pollfd{wake, POLLIN, 0}};
  return poll(watched.data(), watched.size(), -1) > 0 && watched[1].revents == 0;
}

std::optional<std::string> read_exactly(int socket, int wake, std::size_t size) {
  std::string all(size, '\0');
  for (std::size_t done = 0; done < size;) {
    if (!ready(socket, wake)) return std::nullopt;
    const auto count = recv(socket, all.data() + done, size - done, 0);
    if (count <= 0) return std::nullopt;
    done += static_cast<std::size_t>(count);
  }
  return all;
}

// One octet with the length, and the text.
std::optional<std::string> read_text(int socket, int wake) {
  const auto size = read_exactly(socket, wake, 1);
  return size ? read_exactly(socket, wake, static_cast<std::uint8_t>(size->front())) : std::nullopt;
}

bool write_all(int socket, std::string_view octets) {
  while (!octets.empty()) {
    const auto count = send(socket, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (count <= 0) return false;
    octets.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

class Socket {
 public:
  explicit Socket(int number) : number_(number) {}
  ~Socket() { close(number_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

}  // namespace

SocksServer::SocksServer() : listening_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  std::array<int, 2> wake{};
  EXPECT_EQ(pipe2(wake.data(), O_CLOEXEC), 0);
  wake_read_ = wake[0];
  wake_write_ = wake[1];
  auto address = here(0);
  socklen_t size = sizeof address;
  EXPECT_EQ(bind(listening_, reinterpret_cast<sockaddr*>(&address), size), 0);
  EXPECT_EQ(::listen(listening_, 64), 0);
  EXPECT_EQ(getsockname(listening_, reinterpret_cast<sockaddr*>(&address), &size), 0);
  port_ = ntohs(address.sin_port);
  listener_ = std::jthread([this] { listen(); });
}

SocksServer::~SocksServer() {
  (void)!write(wake_write_, "x", 1);
  listener_.join();
  clients_.clear();
  close(listening_);
  close(wake_read_);
  close(wake_write_);
}

std::vector<SocksServer::Asked> SocksServer::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void SocksServer::listen() {
  while (ready(listening_, wake_read_)) {
    const int client = accept4(listening_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) clients_.emplace_back([this, client] { serve(client); });
  }
}

void SocksServer::serve(int accepted) {
  const Socket client(accepted);
  const auto read = [&](std::size_t size) { return read_exactly(client.number(), wake_read_, size); };
  const auto version = read(1);
  const auto methods = read_text(client.number(), wake_read_);
  if (!version || version->front() != 5 || !methods) return;
  Asked asked;
  if (methods->find('\2') != std::string::npos) {
    if (!write_all(client.number(), std::string_view("\5\2", 2)) || !read(1)) return;
    const auto user = read_text(client.number(), wake_read_);
    if (!user || !read_text(client.number(), wake_read_)) return;
    asked.user = *user;
    if (!write_all(client.number(), std::string_view("\1\0", 2))) return;
  } else if (!write_all(client.number(), std::string_view("\5\0", 2))) {
    return;
  }
  const auto request = read(4);
  if (!request || request->at(1) != 1) return;
  asked.named = request->at(3) == 3;
  if (asked.named) {
    const auto host = read_text(client.number(), wake_read_);
    if (!host) return;
    asked.host = *host;
  } else if (!read(request->at(3) == 1 ? 4 : 16)) {
    return;
  }
  const auto port = read(2);
  if (!port) return;
  asked.port =
      static_cast<std::uint16_t>(static_cast<std::uint8_t>((*port)[0]) << 8 | static_cast<std::uint8_t>((*port)[1]));
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(asked);
  }
  const Socket relay(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto address = here(asked.port);
  if (connect(relay.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    (void)write_all(client.number(), std::string_view("\5\5\0\1\0\0\0\0\0\0", 10));
    return;
  }
  if (write_all(client.number(), std::string_view("\5\0\0\1\0\0\0\0\0\0", 10))) carry(client.number(), relay.number());
}

void SocksServer::carry(int client, int relay) {
  std::array<char, 16'384> octets{};
  const auto pass = [&](int from, int to) {
    const auto count = recv(from, octets.data(), octets.size(), 0);
    return count > 0 && write_all(to, {octets.data(), static_cast<std::size_t>(count)});
  };
  for (;;) {
    std::array<pollfd, 3> watched{pollfd{client, POLLIN, 0}, pollfd{relay, POLLIN, 0}, pollfd{wake_read_, POLLIN, 0}};
    if (poll(watched.data(), watched.size(), -1) <= 0 || watched[2].revents != 0) return;
    if (watched[0].revents != 0 && !pass(client, relay)) return;
    if (watched[1].revents != 0 && !pass(relay, client)) return;
  }
}

}  // namespace simplex::end_to_end
