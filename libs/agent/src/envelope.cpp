#include "simplex/agent/envelope.hpp"

namespace simplex::agent {
namespace {

struct Encoder {
  Writer& writer;

  void operator()(const AgentConfirmation& confirmation) {
    head(confirmation.version, 'C');
    writer.optional(confirmation.e2e, [](Writer& w, const auto& e2e) { crypto::write_e2e_ratchet_params(w, e2e); });
    writer.raw(confirmation.encrypted_info.bytes);
  }
  void operator()(const AgentMessageEnvelope& message) {
    head(message.version, 'M');
    writer.raw(message.encrypted_message.bytes);
  }
  void operator()(const AgentInvitation& invitation) {
    head(invitation.version, 'I');
    writer.large_string(as_bytes(protocol::format(invitation.link)));
    writer.raw(invitation.info.bytes);
  }
  void operator()(const AgentRatchetKey& key) {
    head(key.version, 'R');
    crypto::write_e2e_ratchet_params(writer, key.e2e);
    writer.raw(key.info.bytes);
  }

  void head(AgentVersion version, char tag) { writer.u16(version.value()).character(tag); }
};

Result<AgentEnvelope> read_confirmation(AgentVersion version, Reader& reader) {
  AgentConfirmation confirmation{.version = version, .e2e = std::nullopt, .encrypted_info = {}};
  SIMPLEX_ASSIGN(confirmation.e2e, reader.optional(crypto::read_e2e_ratchet_params));
  confirmation.encrypted_info = Content(reader.tail());
  return confirmation;
}

Result<AgentEnvelope> read_invitation(AgentVersion version, Reader& reader) {
  SIMPLEX_ASSIGN(const auto text, reader.large_string());
  SIMPLEX_ASSIGN(auto link, protocol::parse_full_link(as_text(text)));
  auto* invitation = std::get_if<protocol::InvitationLink>(&link);
  if (invitation == nullptr) return fail(ErrorKind::malformed, "An invitation must hold a one-time link.");
  return AgentInvitation{version, std::move(*invitation), Content(reader.tail())};
}

Result<AgentEnvelope> read_ratchet_key(AgentVersion version, Reader& reader) {
  SIMPLEX_ASSIGN(auto e2e, crypto::read_e2e_ratchet_params(reader));
  return AgentRatchetKey{version, e2e, Content(reader.tail())};
}

}  // namespace

Bytes encode(const AgentEnvelope& envelope) {
  Writer writer(16'384);
  std::visit(Encoder{writer}, envelope);
  return std::move(writer).take();
}

Result<AgentEnvelope> decode_envelope(BytesView bytes) {
  Reader reader(bytes);
  SIMPLEX_ASSIGN(const auto version, read_version<AgentVersionTag>(reader));
  SIMPLEX_ASSIGN(const auto tag, reader.u8());
  switch (tag) {
    case 'C': return read_confirmation(version, reader);
    case 'M': return AgentMessageEnvelope{version, Content(reader.tail())};
    case 'I': return read_invitation(version, reader);
    case 'R': return read_ratchet_key(version, reader);
    default: return fail(ErrorKind::malformed, "The peer's agent sent an envelope of an unknown kind.");
  }
}

}  // namespace simplex::agent
