// A client that is not ours: blocking sockets and plain OpenSSL, on a thread of the test.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "openssl.hpp"

namespace simplex::transport {

class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port) : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      throw std::runtime_error("the test can't connect");
    }
  }
  ~RawSocket() { ::close(descriptor_); }
  RawSocket(const RawSocket&) = delete;
  RawSocket& operator=(const RawSocket&) = delete;

  int descriptor() const { return descriptor_; }
  void write(std::string_view text) const { (void)::send(descriptor_, text.data(), text.size(), MSG_NOSIGNAL); }
  // Until the peer closes.
  Bytes read_all() const {
    Bytes all(65'536);
    std::size_t size = 0;
    while (size < all.size()) {
      const auto got = ::recv(descriptor_, all.data() + size, all.size() - size, 0);
      if (got <= 0) break;
      size += static_cast<std::size_t>(got);
    }
    all.resize(size);
    return all;
  }

 private:
  int descriptor_;
};

struct RawTlsOptions {
  int version = TLS1_3_VERSION;
  std::string alpn;                 // one name, or none
  std::string host = {};            // for SNI, or none
  std::string ciphers = "DEFAULT";  // of TLS 1.2
  std::string suites = "TLS_CHACHA20_POLY1305_SHA256";
  std::string groups = "X25519";
};

class RawTlsClient {
 public:
  RawTlsClient(std::uint16_t port, const RawTlsOptions& options)
      : socket_(port), context_(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context_.get(), options.version);
    SSL_CTX_set_max_proto_version(context_.get(), options.version);
    SSL_CTX_set_cipher_list(context_.get(), options.ciphers.c_str());
    SSL_CTX_set_ciphersuites(context_.get(), options.suites.c_str());
    SSL_CTX_set1_groups_list(context_.get(), options.groups.c_str());
    ssl_.reset(SSL_new(context_.get()));
    if (!options.alpn.empty()) {
      Bytes list{static_cast<std::uint8_t>(options.alpn.size())};
      append(list, options.alpn);
      SSL_set_alpn_protos(ssl_.get(), list.data(), static_cast<unsigned>(list.size()));
    }
    if (!options.host.empty()) SSL_set_tlsext_host_name(ssl_.get(), options.host.c_str());
    SSL_set_fd(ssl_.get(), socket_.descriptor());
    connected_ = SSL_connect(ssl_.get()) == 1;
  }

  bool connected() const { return connected_; }
  Bytes finished() const {
    Bytes made(64);
    made.resize(SSL_get_finished(ssl_.get(), made.data(), made.size()));
    return made;
  }
  Bytes read(std::size_t size) {
    Bytes made(size);
    std::size_t have = 0;
    while (have < size) {
      const int got = SSL_read(ssl_.get(), made.data() + have, static_cast<int>(size - have));
      if (got <= 0) break;
      have += static_cast<std::size_t>(got);
    }
    made.resize(have);
    return made;
  }
  void write(BytesView octets) { (void)SSL_write(ssl_.get(), octets.data(), static_cast<int>(octets.size())); }
  // DER of the server's leaf certificate.
  Bytes shown() const {
    const X509Ptr certificate(SSL_get1_peer_certificate(ssl_.get()));
    return certificate ? to_der(certificate.get()) : Bytes{};
  }
  bool was_closed_orderly() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  SSL* ssl() const { return ssl_.get(); }
  const RawSocket& socket() const { return socket_; }

 private:
  RawSocket socket_;
  SslContextPtr context_;
  SslPtr ssl_;
  bool connected_ = false;
};

}  // namespace simplex::transport
