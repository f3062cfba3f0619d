// rooms: transport async crypto with OpenSSL::SSL OpenSSL::Crypto
// TLS as a relay has it: processor time of the relay's thread, which is the benchmark's, for one 16 KB block received and
// sent back, and for one handshake. The floor is epoll and OpenSSL with the same protocol settings and nothing else. The
// clients, in a thread of their own, are the same for both.
#include <arpa/inet.h>
#include <benchmark/benchmark.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <map>
#include <stdexcept>
#include <thread>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/transport/block.hpp"
#include "simplex/transport/tls.hpp"

namespace simplex::transport {
namespace {

using namespace std::chrono_literals;

void must(bool done) {
  if (!done) throw std::logic_error("the benchmark's own setting is wrong");
}

const ServerCredentials& credentials() {
  static const ServerCredentials made = [] {
    SystemRandom random;
    return make_credentials(SignatureAlgorithm::ed25519, SystemClock().wall(), random);
  }();
  return made;
}

// What a server has done since it was made.
struct Done {
  std::size_t octets = 0;
  std::size_t handshakes = 0;
};

class OurServer {
 public:
  OurServer() {
    ListenSettings settings;
    settings.addresses = {{"127.0.0.1", 0}};
    listener_ = listen_tls(*loop_, credentials(), settings,
                           {.accepted = [this](ChannelPtr channel) { serve(std::move(channel)); }, .refused = {}})
                    .value();
  }
  std::uint16_t port() const { return listener_->ports().at(0); }

  // Until so much is done.
  void run(Done goal) {
    goal_ = goal;
    loop_->run();
  }
  Done done() const { return done_; }

 private:
  void look() {
    if (done_.octets >= goal_.octets && done_.handshakes >= goal_.handshakes) loop_->stop();
  }
  void serve(ChannelPtr channel) {
    ++done_.handshakes;
    look();
    auto* const key = channel.get();
    channels_[key] = std::move(channel);
    key->start({.data =
                    [this, key](BytesView octets) {
                      done_.octets += octets.size();
                      key->send(to_bytes(octets));
                      look();
                    },
                .closed = [this, key](const Error&) { channels_.erase(key); },
                .drained = {}});
  }

  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<TlsListener> listener_;
  std::map<Channel*, ChannelPtr> channels_;
  Done done_;
  Done goal_;
};

class FloorServer {
 public:
  FloorServer() : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_set_ciphersuites(context_, "TLS_CHACHA20_POLY1305_SHA256");
    SSL_CTX_set1_groups_list(context_, "X448:X25519");
    SSL_CTX_set_num_tickets(context_, 0);
    SSL_CTX_set_mode(context_, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_read_ahead(context_, 1);
    SSL_CTX_set_alpn_select_cb(
        context_,
        [](SSL*, const unsigned char** name, unsigned char* size, const unsigned char* in, unsigned, void*) {
          *name = in + 1;
          *size = in[0];
          return SSL_TLSEXT_ERR_OK;
        },
        nullptr);
    for (std::size_t i = 0; i < 2; ++i) {
      const std::uint8_t* at = credentials().chain[i].data();
      X509* certificate = d2i_X509(nullptr, &at, static_cast<long>(credentials().chain[i].size()));
      if (i == 0) {
        must(SSL_CTX_use_certificate(context_, certificate) == 1);
        X509_free(certificate);
      } else {
        must(SSL_CTX_add_extra_chain_cert(context_, certificate) == 1);
      }
    }
    const auto pkcs8 = crypto::to_pkcs8(credentials().key);
    const std::uint8_t* at = pkcs8.reveal().data();
    EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(pkcs8.size()));
    must(SSL_CTX_use_PrivateKey(context_, key) == 1);
    EVP_PKEY_free(key);

    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    must(::bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    must(::listen(listener_, 1'024) == 0);
    socklen_t size = sizeof address;
    must(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    epoll_ = ::epoll_create1(0);
    watch(listener_);
  }
  ~FloorServer() {
    for (auto& [descriptor, ssl] : connections_) {
      SSL_free(ssl);
      ::close(descriptor);
    }
    for (const int descriptor : {listener_, epoll_}) ::close(descriptor);
    SSL_CTX_free(context_);
  }
  FloorServer(const FloorServer&) = delete;
  FloorServer& operator=(const FloorServer&) = delete;

  std::uint16_t port() const { return port_; }

  void run(Done goal) {
    std::array<epoll_event, 128> events{};
    while (done_.octets < goal.octets || done_.handshakes < goal.handshakes) {
      const int count = ::epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == listener_) {
          accept();
        } else {
          serve(descriptor);
        }
      }
    }
  }
  Done done() const { return done_; }

 private:
  void watch(int descriptor) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    must(::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) == 0);
  }

  void accept() {
    const int descriptor = ::accept4(listener_, nullptr, nullptr, SOCK_NONBLOCK);
    if (descriptor < 0) return;
    const int on = 1;
    (void)::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    SSL* const ssl = SSL_new(context_);
    SSL_set_fd(ssl, descriptor);
    SSL_set_accept_state(ssl);
    connections_[descriptor] = ssl;
    watch(descriptor);
  }

  void serve(int descriptor) {
    SSL* const ssl = connections_.at(descriptor);
    if (SSL_is_init_finished(ssl) == 0) {
      if (SSL_do_handshake(ssl) == 1) ++done_.handshakes;
      if (SSL_is_init_finished(ssl) == 0) return;
    }
    int got = 0;
    while ((got = SSL_read(ssl, buffer_.data(), static_cast<int>(buffer_.size()))) > 0) {
      done_.octets += static_cast<std::size_t>(got);
      SSL_write(ssl, buffer_.data(), got);
    }
    if (SSL_get_error(ssl, got) == SSL_ERROR_WANT_READ) return;
    SSL_free(ssl);
    ::close(descriptor);
    connections_.erase(descriptor);
  }

  SSL_CTX* context_;
  int listener_ = -1;
  int epoll_ = -1;
  std::uint16_t port_ = 0;
  Done done_;
  std::map<int, SSL*> connections_;
  std::array<std::uint8_t, block_size> buffer_{};
};

// In a thread of their own, without end: connections that each send a block again when it came back, or one that is made
// and dropped again and again.
class Clients {
 public:
  Clients(std::uint16_t port, std::size_t echoing) : port_(port) {
    thread_ = std::thread([this, echoing] {
      if (echoing == 0) connect_again();
      for (std::size_t i = 0; i < echoing; ++i) connect_to_echo();
      loop_->run();
      attempts_.clear();
      attempt_.reset();
      channels_.clear();
      last_.reset();
    });
  }
  ~Clients() {
    loop_->stop();
    thread_.join();
  }
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

 private:
  ConnectOptions options() const { return {{{"127.0.0.1", port_}}, credentials().identity, {"smp/1"}, 10s}; }

  void connect_again() {
    attempt_ = connector_->connect(*loop_, options(), [this](Result<ChannelPtr> channel) {
      last_ = std::move(channel).value();
      loop_->post([this] { connect_again(); });
    });
  }

  void connect_to_echo() {
    attempts_.push_back(connector_->connect(*loop_, options(), [this](Result<ChannelPtr> made) {
      channels_.push_back(std::move(made).value());
      auto* const one = channels_.back().get();
      one->start({.data = [one](BytesView octets) { one->send(to_bytes(octets)); }, .closed = {}, .drained = {}});
      one->send(Bytes(block_size, 1));
    }));
  }

  std::uint16_t port_;
  std::unique_ptr<async::ThreadLoop> loop_ = async::make_thread_loop();
  std::unique_ptr<Connector> connector_ = make_tls_connector();
  std::unique_ptr<Connector::Attempt> attempt_;
  std::vector<std::unique_ptr<Connector::Attempt>> attempts_;
  std::vector<ChannelPtr> channels_;
  ChannelPtr last_;
  std::thread thread_;
};

template <class Server, std::size_t Connections>
void echo(benchmark::State& state) {
  constexpr std::size_t batch = 512;
  Server server;
  Clients clients(server.port(), Connections);
  server.run({8 * Connections * block_size, Connections});  // everybody is there
  while (state.KeepRunningBatch(batch)) server.run({server.done().octets + batch * block_size, 0});
}

template <class Server>
void handshake(benchmark::State& state) {
  constexpr std::size_t batch = 50;
  Server server;
  Clients clients(server.port(), 0);
  server.run({0, 10});
  while (state.KeepRunningBatch(batch)) server.run({0, server.done().handshakes + batch});
}

BENCHMARK(echo<OurServer, 16>)->Name("TLS 16 KB echo on 16 connections");
BENCHMARK(echo<FloorServer, 16>)->Name("TLS 16 KB echo on 16 connections/floor");
BENCHMARK(echo<OurServer, 256>)->Name("TLS 16 KB echo on 256 connections");
BENCHMARK(echo<FloorServer, 256>)->Name("TLS 16 KB echo on 256 connections/floor");
BENCHMARK(handshake<OurServer>)->Name("TLS handshake with X448");
BENCHMARK(handshake<FloorServer>)->Name("TLS handshake with X448/floor");

}  // namespace
}  // namespace simplex::transport
