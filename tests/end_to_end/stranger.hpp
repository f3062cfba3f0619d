// A TCP client that is no SimpleX client: a scanner, a browser, noise.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace simplex::end_to_end {

class Stranger {
 public:
  explicit Stranger(std::uint16_t port);  // connects to 127.0.0.1
  ~Stranger();
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  [[nodiscard]] bool connected() const { return connected_; }
  void send(std::string_view octets);
  // What comes until the other side closes, at most 1 MB; the test fails when it does not close within the limit.
  std::string read_to_end(int seconds = 30);

 private:
  int socket_ = -1;
  bool connected_ = false;
};

}  // namespace simplex::end_to_end
