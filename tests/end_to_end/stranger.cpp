#include "stranger.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace simplex::end_to_end {

Stranger::Stranger(std::uint16_t port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

Stranger::~Stranger() { close(socket_); }

void Stranger::send(std::string_view octets) {
  while (!octets.empty()) {
    const ssize_t count = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (count <= 0) return;  // the other side has had enough
    octets.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string Stranger::read_to_end(int seconds) {
  std::string all;
  std::array<char, 4096> buffer{};
  while (all.size() < 1'000'000) {
    pollfd watched{socket_, POLLIN, 0};
    if (poll(&watched, 1, seconds * 1000) <= 0) {
      ADD_FAILURE() << "the relay keeps a stranger's connection";
      return all;
    }
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
    if (count <= 0) return all;
    all.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return all;
}

}  // namespace simplex::end_to_end
