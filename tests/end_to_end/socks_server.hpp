// A SOCKS5 server for names (RFC 1928, 1929) on 127.0.0.1: every name leads to this machine, to the port that is asked
// for. It keeps what clients show and ask.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace simplex::end_to_end {

class SocksServer {
 public:
  struct Asked {
    std::string user;
    std::string host;
    bool named = false;  // not an address
    std::uint16_t port = 0;
  };
  SocksServer();
  ~SocksServer();
  SocksServer(const SocksServer&) = delete;
  SocksServer& operator=(const SocksServer&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::vector<Asked> asked() const;

 private:
  void listen();
  void serve(int client);
  void carry(int client, int relay);

  int listening_ = -1;
  int wake_read_ = -1;  // readable: everything ends
  int wake_write_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<Asked> asked_;
  std::vector<std::jthread> clients_;
  std::jthread listener_;
};

}  // namespace simplex::end_to_end
