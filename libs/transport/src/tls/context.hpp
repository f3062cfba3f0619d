// The OpenSSL context of a connector or a listener: what the protocol allows, and how peers are verified.
#pragma once

#include <string>
#include <vector>

#include "simplex/transport/tls.hpp"
#include "openssl.hpp"

namespace simplex::transport::tls {

// The socket under a TLS connection. OpenSSL's own socket BIO would raise SIGPIPE.
struct SocketEnd {
  int descriptor = -1;
  // The last read took less than it asked for, so that the next would find nothing: it is not tried before the socket is
  // ready again.
  bool drained = false;
  bool peer_closed = false;
};

// What a connection looks at while OpenSSL verifies the peer; the app data of its SSL object.
struct Verification {
  const Clock* clock = nullptr;
  const KeyHash* identity = nullptr;  // of the wanted relay; nothing: the peer is a client
  CertificateChain chain;             // what the peer showed
  std::optional<Error> error;
};

// Thread-safe once made. Connections keep it.
class Context {
 public:
  [[nodiscard]] static std::shared_ptr<const Context> for_clients(TlsVersions versions,
                                                                  const ClientCredentials* credentials);
  // With a web server's context, clients that name a host and do not offer smp/1 get that one.
  [[nodiscard]] static std::shared_ptr<const Context> for_servers(std::shared_ptr<const ServerCredentials> credentials,
                                                                  TlsVersions versions, std::vector<std::string> alpn,
                                                                  bool ask_client_certificate,
                                                                  std::shared_ptr<const Context> web = nullptr);
  [[nodiscard]] static Result<std::shared_ptr<const Context>> for_web_servers(const WebCredentials& credentials,
                                                                              TlsVersions versions);
  [[nodiscard]] static Result<std::shared_ptr<const Context>> for_web_clients(
      const std::optional<std::filesystem::path>& authorities);

  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Both live at least as long as the connection.
  [[nodiscard]] SslPtr connection(SocketEnd& socket, Verification& verification) const;
  // Of a connection after its handshake: what it was shown.
  [[nodiscard]] bool is_web(const SSL* connection) const;
  [[nodiscard]] const std::shared_ptr<const ServerCredentials>& credentials() const { return credentials_; }

 private:
  Context(const SSL_METHOD* method, TlsVersions versions);
  void limit_to_smp();
  static int choose_credentials(SSL* connection, int* alert, void* context);
  void show(const CertificateChain& chain, const crypto::SignaturePrivateKey& key);

  BioMethodPtr socket_method_;
  SslContextPtr context_;
  std::vector<std::string> alpn_;
  std::shared_ptr<const ServerCredentials> credentials_;
  std::shared_ptr<const Context> web_;
  bool serves_web_ = false;
};

// Protocol names in the form of the ALPN extension: each with a 1-byte length.
[[nodiscard]] Bytes alpn_list(const std::vector<std::string>& names);

}  // namespace simplex::transport::tls
