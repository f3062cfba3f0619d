#include <openssl/x509.h>

#include "floor.hpp"

namespace simplex::floor {
namespace {

int choose_alpn(SSL*, const std::uint8_t** chosen, std::uint8_t* size, const std::uint8_t* offered,
                unsigned offered_size, void*) {
  constexpr std::string_view name("\x05smp/1");
  if (as_text({offered, offered_size}).find(name) == std::string_view::npos) return SSL_TLSEXT_ERR_NOACK;
  *chosen = as_bytes(name).data() + 1;
  *size = static_cast<std::uint8_t>(name.size() - 1);
  return SSL_TLSEXT_ERR_OK;
}

// A relay asks for the certificate of a service, and takes any or none.
int accept_any(X509_STORE_CTX* store, void*) {
  X509_STORE_CTX_set_error(store, X509_V_OK);
  return 1;
}

bool show(SSL_CTX* context, const transport::ServerCredentials& credentials) {
  for (std::size_t i = 0; i < credentials.chain.size(); ++i) {
    const auto* at = credentials.chain[i].data();
    auto* const certificate = d2i_X509(nullptr, &at, static_cast<long>(credentials.chain[i].size()));
    if (certificate == nullptr) return false;
    if (i > 0) {
      if (SSL_CTX_add_extra_chain_cert(context, certificate) != 1) return false;
      continue;  // the context's now
    }
    const bool used = SSL_CTX_use_certificate(context, certificate) == 1;
    X509_free(certificate);
    if (!used) return false;
  }
  const auto* key = std::get_if<crypto::Ed25519PrivateKey>(&credentials.key);
  if (key == nullptr) return false;
  const auto octets = key->reveal();
  auto* const made = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, octets.data(), octets.size());
  const bool used = made != nullptr && SSL_CTX_use_PrivateKey(context, made) == 1;
  EVP_PKEY_free(made);
  return used;
}

}  // namespace

Result<> make_context(Floor& floor) {
  floor.context.reset(SSL_CTX_new(TLS_server_method()));
  auto* const context = floor.context.get();
  const bool made = context != nullptr && SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_ciphersuites(context, "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
                    SSL_CTX_set_cipher_list(context, "ECDHE-ECDSA-CHACHA20-POLY1305") == 1 &&
                    SSL_CTX_set1_groups_list(context, "X448:X25519") == 1 &&
                    SSL_CTX_set1_sigalgs_list(context, "ed448:ed25519") == 1 && show(context, floor.credentials) &&
                    SSL_CTX_set_num_tickets(context, 0) == 1;
  if (!made) return fail(ErrorKind::internal, "OpenSSL does not take the settings of a relay");
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_select_cb(context, choose_alpn, nullptr);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context, accept_any, nullptr);
  return {};
}

}  // namespace simplex::floor
