#include "relay_answers.hpp"

#include <algorithm>

#include "simplex/smp/proxy_layers.hpp"
#include "relay_errors.hpp"

namespace simplex::smp::server {
namespace {

// A relay's chain and key have to fit into a block of the client's.
constexpr std::size_t max_certified_key = 12 * 1'024;
constexpr SmpVersionRange forwarded_versions{proxy_version, current_version};

}  // namespace

Result<broker::Pkey, ErrorType> session_answer(const client::Client& client) {
  const auto& agreed = client.agreed();
  const SmpVersionRange versions{std::max(agreed.relay_versions.min, forwarded_versions.min),
                                 std::min(agreed.relay_versions.max, forwarded_versions.max)};
  if (agreed.version < proxy_version || versions.min > versions.max) {
    return std::unexpected(transport_error(TransportErrorKind::version));
  }
  if (!agreed.certified_key || !agreed.secret) {
    return std::unexpected(transport_error(TransportErrorKind::no_server_auth));
  }
  const auto& [chain, signed_key] = *agreed.certified_key;
  std::size_t size = signed_key.size();
  for (const auto& certificate : chain) size += certificate.size();
  if (size > max_certified_key) return std::unexpected(transport_error(TransportErrorKind::handshake_bad_auth));
  return broker::Pkey{to_bytes(agreed.session_id.view()), versions, chain, signed_key};
}

Result<Bytes, ErrorType> forwarded_answer(const crypto::BoxKey& key, const CorrId& corr_id,
                                          const crypto::CbNonce& nonce, client::Outcome<BrokerMessage> outcome) {
  if (!outcome) return std::unexpected(forward_error(outcome.error()));
  const auto* rres = std::get_if<broker::Rres>(&*outcome);
  if (rres == nullptr) return std::unexpected(unexpected_answer(std::string(smp::name_of(*outcome))));
  auto octets = to_bytes(rres->encrypted.bytes);
  const auto response = open_rres(key, nonce, octets);
  if (!response && response.error().kind == ErrorKind::authentication) {
    return std::unexpected(ErrorType(errors::Crypto{}));
  }
  if (!response || response->corr_id != corr_id ||
      response->encrypted.bytes.size() != padded_forwarded_size + crypto::box_tag_size) {
    return std::unexpected(broker_error(broker_errors::Response{"BLOCK"}));
  }
  return to_bytes(response->encrypted.bytes);
}

}  // namespace simplex::smp::server
