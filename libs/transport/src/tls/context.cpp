#include "tls/context.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include "simplex/encoding/writer.hpp"

namespace simplex::transport::tls {
namespace {

// Four certificates of Ed448 have 4 KB.
constexpr long max_chain_octets = 32 * 1'024;

// What browsers and the certificates of public authorities need.
constexpr const char* web_suites = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr const char* web_ciphers = "ECDHE+CHACHA20:ECDHE+AESGCM";
constexpr const char* web_groups = "X25519:X448:P-256:P-384:P-521";
constexpr const char* web_signatures =
    "ed448:ed25519:ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:RSA-PSS+SHA512:RSA-PSS+SHA384:RSA-PSS+SHA256:"
    "RSA+SHA512:RSA+SHA384:RSA+SHA256";

void must(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string("OpenSSL does not do ") + what + ": " + take_openssl_error());
}

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

int socket_write(BIO* bio, const char* data, int size) {
  const auto* end = static_cast<SocketEnd*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(end->descriptor, data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && would_block(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int socket_read(BIO* bio, char* data, int size) {
  auto* end = static_cast<SocketEnd*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (end->drained) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto got = ::recv(end->descriptor, data, static_cast<std::size_t>(size), 0);
  if (got < 0 && would_block(errno)) BIO_set_retry_read(bio);
  end->drained = got < size && got != 0;
  end->peer_closed = got == 0;
  return static_cast<int>(got);
}

long socket_control(BIO* bio, int command, long, void*) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<SocketEnd*>(BIO_get_data(bio))->peer_closed ? 1 : 0;
  return 0;
}

// The whole decision about the peer's certificates: OpenSSL's own rules know names and roots, ours a fingerprint.
int verify(X509_STORE_CTX* store, void*) noexcept {
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* verification = static_cast<Verification*>(SSL_get_app_data(ssl));
  verification->chain.clear();
  const auto* shown = X509_STORE_CTX_get0_untrusted(store);
  for (int i = 0; i < sk_X509_num(shown); ++i) verification->chain.push_back(to_der(sk_X509_value(shown, i)));

  const auto now = verification->clock->wall();
  const auto result = verification->identity != nullptr
                          ? verify_relay_chain(verification->chain, *verification->identity, now)
                          : verify_service_chain(verification->chain, now);
  if (result) {
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }
  verification->error = result.error();
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
  return 0;
}

// The first of the names in an ALPN list that is accepted.
template <class F>
BytesView first_name(BytesView list, F&& accepted) {
  while (!list.empty()) {
    const std::size_t length = list[0];
    if (length >= list.size()) break;
    const auto name = list.subspan(1, length);
    if (accepted(as_text(name))) return name;
    list = list.subspan(1 + length);
  }
  return {};
}

bool offers(BytesView list, std::string_view wanted) {
  return !first_name(list, [&](std::string_view name) { return name == wanted; }).empty();
}

int choose_alpn(SSL*, const std::uint8_t** chosen, std::uint8_t* size, const std::uint8_t* offered,
                unsigned offered_size, void* names) {
  const auto& known = *static_cast<const std::vector<std::string>*>(names);
  const auto name = first_name(BytesView(offered, offered_size),
                               [&](std::string_view one) { return std::ranges::find(known, one) != known.end(); });
  if (name.empty()) return SSL_TLSEXT_ERR_NOACK;  // goes on as a legacy connection
  *chosen = name.data();
  *size = static_cast<std::uint8_t>(name.size());
  return SSL_TLSEXT_ERR_OK;
}

bool use_chain(SSL_CTX* context, const std::vector<Bytes>& chain) {
  for (std::size_t i = 0; i < chain.size(); ++i) {
    auto certificate = x509_from_der(chain[i]);
    if (!certificate) return false;
    if (i == 0) {
      if (SSL_CTX_use_certificate(context, certificate.get()) != 1) return false;
    } else {
      if (SSL_CTX_add_extra_chain_cert(context, certificate.get()) != 1) return false;
      (void)certificate.release();  // the context's now
    }
  }
  return !chain.empty();
}

}  // namespace

Bytes alpn_list(const std::vector<std::string>& names) {
  Writer writer;
  for (const auto& name : names) writer.short_string(name);
  return std::move(writer).take();
}

Context::Context(const SSL_METHOD* method, TlsVersions versions)
    : socket_method_(BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "socket without SIGPIPE")),
      context_(SSL_CTX_new(method)) {
  must(socket_method_ && BIO_meth_set_write(socket_method_.get(), socket_write) == 1 &&
           BIO_meth_set_read(socket_method_.get(), socket_read) == 1 &&
           BIO_meth_set_ctrl(socket_method_.get(), socket_control) == 1,
       "a BIO");
  must(context_ != nullptr, "a TLS context");
  auto* const context = context_.get();
  must(SSL_CTX_set_min_proto_version(context, versions.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(context, versions.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1,
       "the TLS versions");
  // Every connection is its own session: the session id must be new. The reference's TLS 1.2 does not know the
  // renegotiation extension; as nobody may renegotiate here, it is not asked for.
  SSL_CTX_set_options(
      context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_LEGACY_SERVER_CONNECT);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  must(SSL_CTX_set_num_tickets(context, 0) == 1, "TLS without tickets");
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_max_cert_list(context, max_chain_octets);
  SSL_CTX_set_read_ahead(context, 1);  // a block in one read, not its 5-octet header first
}

void Context::limit_to_smp() {
  auto* const context = context_.get();
  must(SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
           SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305") == 1,
       "ChaCha20-Poly1305");
  must(SSL_CTX_set1_groups_list(context, "X448:X25519") == 1, "X448 and X25519");
  must(SSL_CTX_set1_sigalgs_list(context, "ed448:ed25519") == 1 &&
           SSL_CTX_set1_client_sigalgs_list(context, "ed448:ed25519") == 1,
       "Ed448 and Ed25519");
  SSL_CTX_set_cert_verify_callback(context, verify, nullptr);
}

void Context::show(const CertificateChain& chain, const crypto::SignaturePrivateKey& key) {
  auto* const context = context_.get();
  must(use_chain(context, chain), "this certificate chain");
  must(SSL_CTX_use_PrivateKey(context, openssl_key(key).get()) == 1 && SSL_CTX_check_private_key(context) == 1,
       "this private key");
}

std::shared_ptr<const Context> Context::for_clients(TlsVersions versions, const ClientCredentials* credentials) {
  std::shared_ptr<Context> made(new Context(TLS_client_method(), versions));
  made->limit_to_smp();
  SSL_CTX_set_verify(made->context_.get(), SSL_VERIFY_PEER, nullptr);
  if (credentials != nullptr) made->show(credentials->chain, credentials->key);
  return made;
}

std::shared_ptr<const Context> Context::for_servers(std::shared_ptr<const ServerCredentials> credentials,
                                                    TlsVersions versions, std::vector<std::string> alpn,
                                                    bool ask_client_certificate, std::shared_ptr<const Context> web) {
  std::shared_ptr<Context> made(new Context(TLS_server_method(), versions));
  made->limit_to_smp();
  auto* const context = made->context_.get();
  made->show(credentials->chain, credentials->key);
  made->alpn_ = std::move(alpn);
  made->credentials_ = std::move(credentials);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, &made->alpn_);
  SSL_CTX_set_verify(context, ask_client_certificate ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  made->web_ = std::move(web);
  if (made->web_) SSL_CTX_set_client_hello_cb(context, choose_credentials, made.get());
  return made;
}

Result<std::shared_ptr<const Context>> Context::for_web_servers(const WebCredentials& credentials,
                                                                TlsVersions versions) {
  std::shared_ptr<Context> made(new Context(TLS_server_method(), versions));
  auto* const context = made->context_.get();
  must(SSL_CTX_set_ciphersuites(context, web_suites) == 1 && SSL_CTX_set_cipher_list(context, web_ciphers) == 1 &&
           SSL_CTX_set1_groups_list(context, web_groups) == 1 &&
           SSL_CTX_set1_sigalgs_list(context, web_signatures) == 1,
       "the web's ciphers");
  const auto der = credentials.key.reveal();
  const auto* at = der.data();
  const KeyPtr key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size())));
  if (!key || !use_chain(context, credentials.chain) || SSL_CTX_use_PrivateKey(context, key.get()) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorKind::unsupported, "the web certificate can't be used: " + take_openssl_error(), Advice::ask_user);
  }
  made->alpn_ = {"http/1.1"};
  made->serves_web_ = true;
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, &made->alpn_);
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  return std::shared_ptr<const Context>(std::move(made));
}

Result<std::shared_ptr<const Context>> Context::for_web_clients(
    const std::optional<std::filesystem::path>& authorities) {
  std::shared_ptr<Context> made(new Context(TLS_client_method(), {}));
  auto* const context = made->context_.get();
  const bool loaded = authorities ? SSL_CTX_load_verify_locations(context, authorities->c_str(), nullptr) == 1
                                  : SSL_CTX_set_default_verify_paths(context) == 1;
  if (!loaded) {
    return fail(ErrorKind::not_found,
                "the certificates of the trusted authorities can't be read: " + take_openssl_error(), Advice::ask_user);
  }
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  return std::shared_ptr<const Context>(std::move(made));
}

bool Context::is_web(const SSL* connection) const {
  return serves_web_ || (web_ && SSL_get_SSL_CTX(connection) == web_->context_.get());
}

// While the client's first message is read. What SSL_new() copied from the context of SMP has to be set again.
int Context::choose_credentials(SSL* connection, int*, void* context) {
  const auto& web = static_cast<const Context*>(context)->web_;
  const std::uint8_t* octets = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_server_name, &octets, &size) != 1) {
    return SSL_CLIENT_HELLO_SUCCESS;
  }
  const bool alpn =
      SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_application_layer_protocol_negotiation, &octets, &size) == 1;
  if (alpn && size > 2 && offers(BytesView(octets, size).subspan(2), "smp/1")) return SSL_CLIENT_HELLO_SUCCESS;
  const bool changed =
      SSL_set_SSL_CTX(connection, web->context_.get()) != nullptr &&
      SSL_set_ciphersuites(connection, web_suites) == 1 && SSL_set_cipher_list(connection, web_ciphers) == 1 &&
      SSL_set1_groups_list(connection, web_groups) == 1 && SSL_set1_sigalgs_list(connection, web_signatures) == 1;
  SSL_set_verify(connection, SSL_VERIFY_NONE, nullptr);
  return changed ? SSL_CLIENT_HELLO_SUCCESS : SSL_CLIENT_HELLO_ERROR;
}

SslPtr Context::connection(SocketEnd& socket, Verification& verification) const {
  SslPtr made(SSL_new(context_.get()));
  BioPtr bio(BIO_new(socket_method_.get()));
  must(made && bio, "a TLS connection");
  BIO_set_data(bio.get(), &socket);
  BIO_set_init(bio.get(), 1);
  SSL_set_bio(made.get(), bio.get(), bio.get());
  (void)bio.release();
  SSL_set_app_data(made.get(), &verification);
  return made;
}

}  // namespace simplex::transport::tls
