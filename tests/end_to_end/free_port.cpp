// Tests run at the same time, and a relay that is stopped and started again wants its port back in between: a port that
// the system hands out (to a listener or to any connection) could be another's by then. So the ports are below those,
// and each is held by a lock until the test's process ends.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "stage.hpp"

namespace simplex::end_to_end {
namespace {

constexpr int lowest = 10'000;

// The first of the ports that the system hands out by itself.
int first_of_the_system() {
  int first = 0;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first;
  return first > lowest + 1'000 ? first : 32'768;
}

bool nobody_listens(int port) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int reuse = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  const bool bound = bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(listener);
  return bound;
}

}  // namespace

std::uint16_t free_port() {
  const auto locks = std::filesystem::temp_directory_path() / ("simplex-test-ports." + std::to_string(getuid()));
  std::filesystem::create_directories(locks);
  const int ports = first_of_the_system() - lowest;
  static int offset = getpid() * 61;  // processes that begin one after another begin apart
  for (int tries = 0; tries < ports; ++tries) {
    const int port = lowest + offset++ % ports;
    const int lock = open((locks / std::to_string(port)).c_str(), O_CREAT | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (lock < 0) throw std::runtime_error("cannot make a file in " + locks.string());
    if (flock(lock, LOCK_EX | LOCK_NB) == 0 && nobody_listens(port)) {
      return static_cast<std::uint16_t>(port);  // the lock stays open: it ends with the process
    }
    close(lock);
  }
  throw std::runtime_error("no free port on 127.0.0.1");
}

}  // namespace simplex::end_to_end
