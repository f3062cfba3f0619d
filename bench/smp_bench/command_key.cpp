#include "command_key.hpp"

#include <stdexcept>

namespace simplex::bench {

CommandKey CommandKey::generate(KeyKind kind, Random& random) {
  if (kind == KeyKind::ed25519) {
    auto pair = crypto::generate_ed25519(random);
    return {pair.public_key, std::move(pair.private_key)};
  }
  auto pair = crypto::generate_x25519(random);
  return {pair.public_key, std::move(pair.private_key)};
}

Result<> CommandKey::use_in_session(const std::optional<crypto::X25519PublicKey>& relay_key) {
  const auto* own = std::get_if<crypto::X25519PrivateKey>(&key_);
  if (own == nullptr) return {};
  if (!relay_key) {
    return fail(ErrorKind::version, "SMP below 7 knows no X25519 keys for commands: use ed25519", Advice::ask_user);
  }
  SIMPLEX_ASSIGN(agreed_, crypto::box_key(*relay_key, *own));
  return {};
}

Bytes CommandKey::authorize(const crypto::CbNonce& nonce, BytesView authorized) const {
  if (const auto* signing = std::get_if<crypto::Ed25519PrivateKey>(&key_)) {
    return to_bytes(crypto::sign(*signing, authorized).view());
  }
  if (!agreed_) throw std::logic_error("use_in_session() comes first");
  return to_bytes(crypto::authenticate(*agreed_, nonce, authorized).view());
}

Bytes make_transmission(const smp::SessionParams& session, const CommandKey* key, const smp::CorrId& corr_id,
                        BytesView entity_id, const smp::ClientCommand& command) {
  const auto* send = std::get_if<smp::command::Send>(&command);
  const auto* forwarded = std::get_if<smp::command::Pfwd>(&command);
  Writer writer(384 + (send != nullptr ? send->body.size() : 0) +
                (forwarded != nullptr ? forwarded->encrypted.size() : 0));
  writer.short_string(session.session_id);
  const auto body_at = writer.size();
  writer.short_string(corr_id.view()).short_string(entity_id);
  smp::write_command(writer, command, session.version);
  const Bytes authenticator =
      key == nullptr ? Bytes() : key->authorize(crypto::cb_nonce(corr_id.view()), writer.view());
  return protocol::encode_transmission(smp::transmission_format(session.version), session.session_id, authenticator,
                                       std::nullopt, writer.view().subspan(body_at));
}

}  // namespace simplex::bench
