#include "simplex/protocol/connection_link.hpp"

#include <algorithm>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/uri.hpp"
#include "simplex/encoding/utf8.hpp"
#include "host_text.hpp"

namespace simplex::protocol {

namespace {

constexpr std::size_t max_queues = 255;  // a list is written with a 1-byte count
constexpr E2eVersion first_pq_version{3};

std::unexpected<Error> damaged(std::string_view what) { return fail(ErrorKind::malformed, std::string(what)); }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

Result<std::optional<LinkSite>> read_scheme_text(std::string_view& text) {
  if (take_prefix(text, "simplex:")) return std::nullopt;
  if (!take_prefix(text, "https://")) return damaged("a connection link begins with simplex:/ or https://");
  SIMPLEX_ASSIGN(Host host, read_host_text(text));
  LinkSite site{std::move(host), {}};
  if (take_prefix(text, ":")) {
    SIMPLEX_ASSIGN(site.port, read_port_text(text));
  }
  return site;
}

Result<ConnectionMode> read_mode_text(std::string_view& text) {
  if (take_prefix(text, "/invitation")) return ConnectionMode::invitation;
  if (take_prefix(text, "/contact")) return ConnectionMode::contact;
  return damaged("the link is of an unknown type");
}

Result<std::vector<QueueUri>> parse_queues(std::string_view text) {
  std::vector<QueueUri> queues;
  while (true) {
    const std::size_t end = text.find(';');
    SIMPLEX_ASSIGN(QueueUri queue, parse_queue_uri(text.substr(0, end)));
    queues.push_back(std::move(queue));
    if (end == std::string_view::npos) return queues;
    if (queues.size() == max_queues) return fail(ErrorKind::limit, "the link has too many queues");
    text.remove_prefix(end + 1);
  }
}

Result<const std::string*> required(const Query& query, std::string_view name) {
  const std::string* value = query.find(name);
  if (value == nullptr) return damaged("the link has no parameter '" + std::string(name) + "'");
  return value;
}

Result<crypto::X448PublicKey> parse_x448(std::string_view text) {
  SIMPLEX_ASSIGN(const Bytes der, read_base64_text(text, "an encryption key of the link"));
  if (!text.empty()) return damaged("an encryption key of the link is damaged");
  return crypto::from_spki<crypto::X448PublicKey>(der);
}

// Links published when there was agent version 1 are read as from the first that there still is.
AgentVersionRange without_old_versions(AgentVersionRange versions) {
  const AgentVersion min = std::max(versions.min, min_agent_version);
  return {min, std::max(versions.max, min)};
}

std::string format_link(const LinkData& data, std::string_view mode, const crypto::E2eRatchetParamsUri* e2e) {
  std::string text = "simplex:";
  if (data.site) {
    text = "https://";
    const Host& host = data.site->host;
    const bool bracketed = host.kind() == HostKind::ipv6 && !data.site->port.empty();
    text += bracketed ? '[' + host.text() + ']' : host.text();
    if (!data.site->port.empty()) text += ':' + data.site->port;
  }
  std::string queues;
  for (const QueueUri& queue : data.queues) {
    if (!queues.empty()) queues += ';';
    queues += format(queue);
  }
  text +=
      '/' + std::string(mode) + "#/?v=" + format_version_range(data.agent_versions) + "&smp=" + percent_encode(queues);
  if (e2e != nullptr) text += "&e2e=" + percent_encode(format(*e2e));
  if (data.client_data) text += "&data=" + percent_encode(*data.client_data);
  return text;
}

Result<LinkData> read_link_data(Reader& reader) {
  LinkData data;
  SIMPLEX_ASSIGN(data.agent_versions, read_version_range<AgentVersionTag>(reader));
  SIMPLEX_ASSIGN(data.queues, reader.list(read_queue_uri));
  if (data.queues.empty()) return damaged("the link has no queue");
  for (QueueUri& queue : data.queues) {
    if (!queue.address.mode) queue.address.mode = QueueMode::contact;
  }
  SIMPLEX_ASSIGN(const auto client_data, reader.optional([](Reader& r) { return r.large_string(); }));
  if (client_data) data.client_data = safe_utf8(as_text(*client_data));
  return data;
}

void write_link_data(Writer& writer, const LinkData& data) {
  write_version_range(writer, data.agent_versions);
  writer.list(data.queues, write_queue_uri).optional(data.client_data, [](Writer& w, const std::string& text) {
    w.large_string(as_bytes(text));
  });
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\v\f";
  const std::size_t first = text.find_first_not_of(blank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::unexpected<Error> for_a_person(std::string message) {
  return fail(ErrorKind::malformed, std::move(message), Advice::ask_user);
}

// The path of a short link is one letter.
bool looks_short(std::string_view text) {
  const std::size_t path = text.starts_with("simplex:") ? 8 : text.find('/', 8);
  if (path == std::string_view::npos || text.size() < path + 3) return false;
  const std::string_view rest = text.substr(path + 2);
  return rest.starts_with('#') || rest.starts_with("/#");
}

bool looks_full(std::string_view text) {
  const std::size_t path = text.starts_with("simplex:") ? 8 : text.find('/', 8);
  if (path == std::string_view::npos) return false;
  const std::string_view rest = text.substr(path);
  return rest.starts_with("/invitation") || rest.starts_with("/contact");
}

}  // namespace

bool operator==(const InvitationLink& a, const InvitationLink& b) {
  return a.data == b.data && a.e2e.versions == b.e2e.versions && a.e2e.key1 == b.e2e.key1 && a.e2e.key2 == b.e2e.key2 &&
         a.e2e.kem == b.e2e.kem;
}

ConnectionMode mode_of(const ConnectionLink& link) noexcept {
  if (std::holds_alternative<InvitationLink>(link)) return ConnectionMode::invitation;
  if (const auto* short_link = std::get_if<ShortLink>(&link); short_link != nullptr && short_link->is_invitation())
    return ConnectionMode::invitation;
  return ConnectionMode::contact;
}

Result<crypto::E2eRatchetParamsUri> parse_e2e_params(std::string_view text) {
  const Query query = Query::parse(text);
  crypto::E2eRatchetParamsUri params;
  SIMPLEX_ASSIGN(const std::string* versions, required(query, "v"));
  SIMPLEX_ASSIGN(params.versions, parse_version_range<E2eVersionTag>(*versions));
  SIMPLEX_ASSIGN(const std::string* keys, required(query, "x3dh"));
  const std::size_t comma = keys->find(',');
  if (comma == std::string::npos) return damaged("the link has one encryption key instead of two");
  SIMPLEX_ASSIGN(params.key1, parse_x448(std::string_view(*keys).substr(0, comma)));
  SIMPLEX_ASSIGN(params.key2, parse_x448(std::string_view(*keys).substr(comma + 1)));
  const std::string* kem = query.find("kem_key");
  if (kem == nullptr || params.versions.max < first_pq_version) return params;
  if (query.find("kem_ct") != nullptr) return damaged("the link accepts a post-quantum key that nobody proposed");
  const auto bytes = from_base64url(*kem);
  params.kem = bytes ? crypto::KemPublicKey::from(*bytes) : std::nullopt;
  if (!params.kem) return damaged("the post-quantum key of the link is damaged");
  return params;
}

std::string format(const crypto::E2eRatchetParamsUri& params) {
  std::string text = "v=" + format_version_range(params.versions);
  text += "&x3dh=" + base64url(crypto::to_spki(params.key1)) + ',' + base64url(crypto::to_spki(params.key2));
  if (params.kem && params.versions.max >= first_pq_version) text += "&kem_key=" + base64url(params.kem->view());
  return text;
}

Result<FullLink> parse_full_link(std::string_view text) {
  if (text.size() > max_link_size) return fail(ErrorKind::limit, "the link is too long");
  SIMPLEX_ASSIGN(const auto site, read_scheme_text(text));
  SIMPLEX_ASSIGN(const ConnectionMode mode, read_mode_text(text));
  (void)take_prefix(text, "/");
  if (!take_prefix(text, "#/?")) return damaged("the link has no '#/?' after its type");
  if (text.find_first_of(" \n") != std::string_view::npos) return damaged("the link goes on after its end");

  const Query query = Query::parse(text);
  LinkData data;
  SIMPLEX_ASSIGN(const std::string* versions, required(query, "v"));
  SIMPLEX_ASSIGN(data.agent_versions, parse_version_range<AgentVersionTag>(*versions));
  SIMPLEX_ASSIGN(const std::string* queues, required(query, "smp"));
  SIMPLEX_ASSIGN(data.queues, parse_queues(*queues));
  if (const std::string* client_data = query.find("data")) data.client_data = safe_utf8(*client_data);

  if (mode == ConnectionMode::contact) {
    data.agent_versions = without_old_versions(data.agent_versions);
    return ContactLink{std::move(data)};
  }
  SIMPLEX_ASSIGN(const std::string* e2e, required(query, "e2e"));
  SIMPLEX_ASSIGN(auto params, parse_e2e_params(*e2e));
  return InvitationLink{std::move(data), params};
}

Result<ConnectionLink> parse_connection_link(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return for_a_person("There is no link. Paste the whole link that your contact sent.");
  if (text.size() > max_link_size)
    return for_a_person("This is too long to be a connection link. Paste only the link, nothing around it.");
  if (text.starts_with("smp://") || text.starts_with("xftp://") || text.starts_with("ntf://"))
    return for_a_person(
        "This is the address of a server, not a connection link. Links begin with simplex:/ or https://.");
  if (text.starts_with("http://"))
    return for_a_person("Connection links begin with https:// or simplex:/, not with http://. Ask for the link again.");
  if (!text.starts_with("simplex:") && !text.starts_with("https://"))
    return for_a_person(
        "This is not a connection link: it would begin with simplex:/ or https://. Copy the whole link.");
  if (text.find_first_of(" \t\r\n") != std::string_view::npos)
    return for_a_person("The link has spaces or line breaks inside. Paste it as one piece, with nothing after it.");

  const auto damaged_link = [](const Error& error) {
    return for_a_person("The link is damaged or not complete (" + error.message +
                        "). Copy the whole link again, or ask your contact for a new one.");
  };
  if (looks_full(text)) {
    auto link = parse_full_link(text);
    if (!link) return damaged_link(link.error());
    return std::visit([](auto& full) -> ConnectionLink { return std::move(full); }, *link);
  }
  if (looks_short(text)) {
    auto link = parse_short_link(text);
    if (!link) return damaged_link(link.error());
    return std::move(*link);
  }
  return for_a_person("This is not a SimpleX connection link, or only a part of one. Copy the whole link.");
}

std::string format(const InvitationLink& link) { return format_link(link.data, "invitation", &link.e2e); }
std::string format(const ContactLink& link) { return format_link(link.data, "contact", nullptr); }
std::string format(const FullLink& link) {
  return std::visit([](const auto& one) { return format(one); }, link);
}
std::string format(const ConnectionLink& link) {
  return std::visit([](const auto& one) { return format(one); }, link);
}

Result<FullLink> read_full_link(Reader& reader) {
  SIMPLEX_ASSIGN(const std::uint8_t mode, reader.u8());
  if (mode != 'I' && mode != 'C') return damaged("connection link of an unknown type");
  SIMPLEX_ASSIGN(LinkData data, read_link_data(reader));
  if (mode == 'C') return ContactLink{std::move(data)};
  SIMPLEX_ASSIGN(auto e2e, crypto::read_e2e_ratchet_params_uri(reader));
  return InvitationLink{std::move(data), e2e};
}

void write_full_link(Writer& writer, const FullLink& link) {
  if (const auto* invitation = std::get_if<InvitationLink>(&link)) {
    writer.character('I');
    write_link_data(writer, invitation->data);
    crypto::write_e2e_ratchet_params_uri(writer, invitation->e2e);
  } else {
    writer.character('C');
    write_link_data(writer, std::get<ContactLink>(link).data);
  }
}

}  // namespace simplex::protocol
