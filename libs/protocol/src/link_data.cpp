#include "simplex/protocol/link_data.hpp"

#include <algorithm>

#include "simplex/crypto/key_encoding.hpp"

namespace simplex::protocol {

namespace {

constexpr std::uint8_t large_content = 0xFF;
constexpr std::size_t max_short_content = 254;
constexpr std::size_t max_list = 255;  // a list is written with a 1-byte count

std::unexpected<Error> damaged(std::string_view what) { return fail(ErrorKind::malformed, std::string(what)); }

std::unexpected<Error> too_large(std::string_view what, std::size_t size, std::size_t limit) {
  return fail(ErrorKind::limit, std::string(what) + " of the link takes " + std::to_string(size) +
                                    " octets, and there is room for " + std::to_string(limit) + "; make it smaller");
}

Result<Bytes> within(Writer writer, std::string_view what, std::size_t limit) {
  if (writer.size() > limit) return too_large(what, writer.size(), limit);
  return std::move(writer).take();
}

const LinkData& request_of(const FullLink& link) {
  return std::visit([](const auto& one) -> const LinkData& { return one.data; }, link);
}

void write_content(Writer& writer, BytesView content) {
  if (content.size() <= max_short_content) {
    writer.short_string(content);
  } else {
    writer.u8(large_content).large_string(content);
  }
}

Result<Bytes> read_content(Reader& reader) {
  if (!reader.empty() && reader.peek().front() == large_content) {
    (void)reader.u8();
    SIMPLEX_ASSIGN(const BytesView content, reader.large_string());
    return to_bytes(content);
  }
  SIMPLEX_ASSIGN(const BytesView content, reader.short_string());
  return to_bytes(content);
}

Result<ShortLink> read_relay(Reader& reader) {
  SIMPLEX_ASSIGN(auto relay, read_short_link(reader));
  if (relay.is_invitation()) return damaged("a relay of the link is a one-time invitation");
  return relay;
}

Result<ContactUserData> read_contact_data(Reader& reader) {
  ContactUserData data;
  SIMPLEX_ASSIGN(data.direct, reader.boolean());
  SIMPLEX_ASSIGN(data.owners, reader.list(read_link_owner));
  SIMPLEX_ASSIGN(data.relays, reader.list(read_relay));
  SIMPLEX_ASSIGN(data.content, read_content(reader));
  return data;
}

// Of a new program's values, what a list or a string could not be written with.
Result<> check_writable(const ContactUserData& data) {
  if (data.owners.size() > max_list || data.relays.size() > max_list)
    return fail(ErrorKind::limit, "the link has more than 255 owners or relays; remove some");
  for (const LinkOwner& owner : data.owners) {
    if (owner.id.size() > max_owner_id_size) return too_large("the id of an owner", owner.id.size(), max_owner_id_size);
  }
  if (std::ranges::any_of(data.relays, &ShortLink::is_invitation))
    return damaged("a relay of the link is a one-time invitation; use a contact link");
  return {};
}

}  // namespace

const Bytes& UserLinkData::content() const noexcept {
  if (const auto* invitation = std::get_if<InvitationUserData>(&data)) return invitation->content;
  return std::get_if<ContactUserData>(&data)->content;
}

ConnectionMode mode_of(const FixedLinkData& data) noexcept {
  return std::holds_alternative<InvitationLink>(data.request) ? ConnectionMode::invitation : ConnectionMode::contact;
}

ConnectionMode mode_of(const UserLinkData& data) noexcept {
  return std::holds_alternative<InvitationUserData>(data.data) ? ConnectionMode::invitation : ConnectionMode::contact;
}

Result<Bytes> encode(const FixedLinkData& data) {
  const auto& request = request_of(data.request);
  if (request.queues.empty() || request.queues.size() > max_list)
    return fail(ErrorKind::internal, "a link has from 1 to 255 queues");
  if (request.client_data && request.client_data->size() > max_fixed_link_data)
    return too_large("the application's data", request.client_data->size(), max_fixed_link_data);
  if (data.entity_id && data.entity_id->size() > max_entity_id_size)
    return too_large("the entity id", data.entity_id->size(), max_entity_id_size);
  Writer writer(max_fixed_link_data);
  write_version_range(writer, data.agent_versions);
  crypto::write_key(writer, data.root_key);
  write_full_link(writer, data.request);
  if (data.entity_id) writer.short_string(*data.entity_id);
  return within(std::move(writer), "the connection request", max_fixed_link_data);
}

Result<Bytes> encode(const UserLinkData& data) {
  if (data.content().size() > max_user_link_data)
    return too_large("the profile", data.content().size(), max_user_link_data);
  Writer writer(1'024);
  writer.character(mode_of(data) == ConnectionMode::invitation ? 'I' : 'C');
  write_version_range(writer, data.agent_versions);
  if (const auto* contact = std::get_if<ContactUserData>(&data.data)) {
    SIMPLEX_TRY(check_writable(*contact));
    writer.boolean(contact->direct).list(contact->owners, write_link_owner).list(contact->relays, write_short_link);
  }
  write_content(writer, data.content());
  return within(std::move(writer), "the profile with all owners and relays", max_user_link_data);
}

Result<FixedLinkData> decode_fixed_link_data(BytesView octets) {
  Reader reader(octets);
  FixedLinkData data;
  SIMPLEX_ASSIGN(data.agent_versions, read_version_range<AgentVersionTag>(reader));
  SIMPLEX_ASSIGN(data.root_key, crypto::read_key<crypto::Ed25519PublicKey>(reader));
  SIMPLEX_ASSIGN(data.request, read_full_link(reader));
  if (const auto entity_id = reader.short_string()) data.entity_id = to_bytes(*entity_id);
  return data;
}

Result<UserLinkData> decode_user_link_data(BytesView octets) {
  Reader reader(octets);
  UserLinkData data;
  SIMPLEX_ASSIGN(const std::uint8_t mode, reader.u8());
  if (mode != 'I' && mode != 'C') return damaged("the data of the link is of an unknown type");
  SIMPLEX_ASSIGN(data.agent_versions, read_version_range<AgentVersionTag>(reader));
  if (mode == 'C') {
    SIMPLEX_ASSIGN(data.data, read_contact_data(reader));
  } else {
    SIMPLEX_ASSIGN(auto content, read_content(reader));
    data.data = InvitationUserData{std::move(content)};
  }
  return data;
}

}  // namespace simplex::protocol
