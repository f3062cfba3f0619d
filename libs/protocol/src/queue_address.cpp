#include "simplex/protocol/queue_address.hpp"

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/uri.hpp"
#include "host_text.hpp"

namespace simplex::protocol {

namespace {

std::unexpected<Error> no_parameter(std::string_view name) {
  return fail(ErrorKind::malformed, "the queue address has no parameter '" + std::string(name) + "'");
}

Result<crypto::X25519PublicKey> read_key_text(std::string_view& text) {
  SIMPLEX_ASSIGN(const Bytes der, read_base64_text(text, "the queue's key"));
  return crypto::from_spki<crypto::X25519PublicKey>(der);
}

Result<crypto::X25519PublicKey> parse_key(std::string_view text) {
  SIMPLEX_ASSIGN(auto key, read_key_text(text));
  if (!text.empty()) return fail(ErrorKind::malformed, "the queue's key is damaged");
  return key;
}

std::optional<QueueMode> mode_in(const Query& query) {
  if (const std::string* mode = query.find("q")) {
    if (*mode == "m") return QueueMode::messaging;
    if (*mode == "c") return QueueMode::contact;
  }
  if (const std::string* secure = query.find("k"); secure != nullptr && *secure == "s") return QueueMode::messaging;
  return std::nullopt;
}

// Everything after the '#', where it has a query.
Result<> parse_parameters(const Query& query, std::optional<crypto::X25519PublicKey> key, QueueUri& queue) {
  const std::string* versions = query.find("v");
  if (versions == nullptr) return no_parameter("v");
  SIMPLEX_ASSIGN(queue.versions, parse_version_range<SmpClientVersionTag>(*versions));
  if (!key) {
    const std::string* text = query.find("dh");
    if (text == nullptr) return no_parameter("dh");
    SIMPLEX_ASSIGN(key, parse_key(*text));
  }
  queue.address.dh_key = *key;
  if (const std::string* more = query.find("srv")) {
    std::string_view rest = *more;
    SIMPLEX_ASSIGN(auto hosts, read_hosts_text(rest));
    if (!rest.empty()) return fail(ErrorKind::malformed, "the queue's additional hosts are damaged");
    auto& all = queue.address.server.hosts;
    all.insert(all.end(), std::make_move_iterator(hosts.begin()), std::make_move_iterator(hosts.end()));
    if (all.size() > max_hosts) return fail(ErrorKind::limit, "the server has too many host names");
  }
  queue.address.mode = mode_in(query);
  return {};
}

// 'M' | 'C', or before version 4 'T' | 'F', or nothing.
std::optional<QueueMode> read_optional_mode(Reader& reader) {
  if (reader.empty()) return std::nullopt;
  std::optional<QueueMode> mode;
  switch (reader.peek().front()) {
    case 'M':
    case 'T': mode = QueueMode::messaging; break;
    case 'C':
    case 'F': mode = QueueMode::contact; break;
    default: return std::nullopt;
  }
  (void)reader.u8();
  return mode;
}

Result<> read_sender_id_key_mode(Reader& reader, QueueAddress& address) {
  SIMPLEX_ASSIGN(const BytesView sender_id, reader.short_string());
  address.sender_id = SenderId(sender_id);
  SIMPLEX_ASSIGN(address.dh_key, crypto::read_key<crypto::X25519PublicKey>(reader));
  address.mode = read_optional_mode(reader);
  return {};
}

void write_sender_id_and_key(Writer& writer, const QueueAddress& address) {
  writer.short_string(address.sender_id.view());
  crypto::write_key(writer, address.dh_key);
}

}  // namespace

Result<QueueMode> read_queue_mode(Reader& reader) {
  SIMPLEX_ASSIGN(const std::uint8_t letter, reader.u8());
  if (letter == 'M') return QueueMode::messaging;
  if (letter == 'C') return QueueMode::contact;
  return fail(ErrorKind::malformed, "invalid queue mode");
}

void write_queue_mode(Writer& writer, QueueMode mode) { writer.character(mode == QueueMode::messaging ? 'M' : 'C'); }

bool same_queue(const QueueAddress& a, const QueueAddress& b) noexcept {
  return same_server(a.server, b.server) && a.sender_id == b.sender_id;
}

Result<QueueUri> parse_queue_uri(std::string_view text) {
  QueueUri queue;
  SIMPLEX_ASSIGN(auto server, read_server_text(text));
  if (server.password) return fail(ErrorKind::malformed, "a queue address must not have a server password");
  if (server.address.scheme != Scheme::smp) return fail(ErrorKind::malformed, "a queue address begins with smp://");
  queue.address.server = std::move(server.address);
  if (!text.starts_with('/')) return fail(ErrorKind::malformed, "the queue address has no queue id");
  text.remove_prefix(1);
  SIMPLEX_ASSIGN(Bytes sender_id, read_base64_text(text, "the queue id"));
  queue.address.sender_id = SenderId(std::move(sender_id));
  if (text.starts_with('/')) text.remove_prefix(1);
  if (!text.starts_with('#')) return fail(ErrorKind::malformed, "the queue address has no '#' after the queue id");
  text.remove_prefix(1);

  std::optional<crypto::X25519PublicKey> key;
  if (!text.starts_with('/') && !text.starts_with('?')) {
    SIMPLEX_ASSIGN(key, read_key_text(text));
  }
  if (key && text.empty()) {
    queue.versions = {initial_client_version, initial_client_version};
    queue.address.dh_key = *key;
  } else {
    if (text.starts_with('/')) text.remove_prefix(1);
    if (!text.starts_with('?')) return fail(ErrorKind::malformed, "the queue address has no parameters");
    text.remove_prefix(1);
    if (text.find_first_of(" \n") != std::string_view::npos)
      return fail(ErrorKind::malformed, "the queue address goes on after its end");
    SIMPLEX_TRY(parse_parameters(Query::parse(text), key, queue));
  }
  if (queue.versions.max < hosts_client_version) add_known_hosts(queue.address.server);
  return queue;
}

std::string format(const QueueUri& queue) {
  const auto& [server, sender_id, dh_key, mode] = queue.address;
  const bool all_hosts = queue.versions.min >= hosts_client_version;
  std::string text = all_hosts ? format(server) : format_first_host_only(server);
  text += '/' + base64url(sender_id.view()) + "#/?v=" + format_version_range(queue.versions);
  text += "&dh=" + percent_encode(base64url(crypto::to_spki(dh_key)));
  if (mode) text += mode == QueueMode::messaging ? "&q=m" : "&q=c";
  if (sender_can_secure(mode) && queue.versions.min < short_links_client_version) text += "&k=s";
  if (!all_hosts && server.hosts.size() > 1)
    text += "&srv=" + percent_encode(join_hosts(std::span(server.hosts).subspan(1)));
  return text;
}

Result<QueueUri> read_queue_uri(Reader& reader) {
  QueueUri queue;
  SIMPLEX_ASSIGN(queue.versions, read_version_range<SmpClientVersionTag>(reader));
  SIMPLEX_ASSIGN(queue.address.server, read_server_address(reader));
  SIMPLEX_TRY(read_sender_id_key_mode(reader, queue.address));
  return queue;
}

void write_queue_uri(Writer& writer, const QueueUri& queue) {
  const auto& [versions, address] = queue;
  write_version_range(writer, versions);
  write_server_address(writer, address.server);
  write_sender_id_and_key(writer, address);
  const bool can_secure = sender_can_secure(address.mode);
  if (versions.min >= short_links_client_version) {
    if (address.mode) write_queue_mode(writer, *address.mode);
  } else if (versions.min >= sender_key_client_version || (versions.max >= sender_key_client_version && can_secure)) {
    writer.boolean(can_secure);
  }
}

Result<QueueInfo> read_queue_info(Reader& reader) {
  QueueInfo queue;
  SIMPLEX_ASSIGN(queue.version, read_version<SmpClientVersionTag>(reader));
  if (queue.version > initial_client_version) {
    SIMPLEX_ASSIGN(queue.address.server, read_server_address(reader));
  } else {
    SIMPLEX_ASSIGN(queue.address.server, read_first_form_server_address(reader));
  }
  SIMPLEX_TRY(read_sender_id_key_mode(reader, queue.address));
  return queue;
}

void write_queue_info(Writer& writer, const QueueInfo& queue) {
  const auto& [version, address] = queue;
  writer.u16(version.value());
  if (version > initial_client_version) {
    write_server_address(writer, address.server);
  } else {
    write_first_form_server_address(writer, address.server);
  }
  write_sender_id_and_key(writer, address);
  if (version >= short_links_client_version) {
    if (address.mode) write_queue_mode(writer, *address.mode);
  } else if (version >= sender_key_client_version && sender_can_secure(address.mode)) {
    writer.boolean(true);
  }
}

}  // namespace simplex::protocol
