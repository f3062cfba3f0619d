// encoding.json: primitives, versions, servers, queue addresses, full and short links.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "simplex/crypto/key_encoding.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/encoding/reader.hpp"
#include "simplex/encoding/utf8.hpp"
#include "simplex/encoding/version.hpp"
#include "simplex/encoding/writer.hpp"
#include "simplex/protocol/connection_link.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex {
namespace {

using protocol::QueueMode;
using testing::Case;
using testing::run_vectors;
using testing::unhex;

constexpr std::string_view file = "encoding.json";

struct AnyVersionTag;

Bytes written(Writer&& writer) { return std::move(writer).take(); }

std::int64_t int64_of(const Case& c) { return std::stoll(c.text("value")); }

void write_short(Writer& writer, BytesView bytes) { writer.short_string(bytes); }
void write_u16(Writer& writer, std::uint16_t value) { writer.u16(value); }

// The values of the composite cases stand in their descriptions only.
Bytes encode_primitive(const Case& c) {
  const std::string type = c.text("type");
  Writer w;
  if (type == "Bool") return written(std::move(w.boolean(c.boolean("value"))));
  if (type == "Char") return written(std::move(w.character(c.text("value").at(0))));
  if (type == "Word16") return written(std::move(w.u16(static_cast<std::uint16_t>(c.number("value")))));
  if (type == "Word32") return written(std::move(w.u32(static_cast<std::uint32_t>(c.number("value")))));
  if (type == "Int64") return written(std::move(w.i64(int64_of(c))));
  if (type == "SystemTime") return written(std::move(w.i64(c.number("value"))));
  if (type == "Large") return written(std::move(w.large_string(c.bytes("value"))));
  if (type == "Tail") return written(std::move(w.raw(c.bytes("value"))));
  if (type == "Text") return written(std::move(w.short_string(as_bytes(c.text("value")))));
  if (type == "VersionRange") {
    write_version_range(w, VersionRange<AnyVersionTag>{Version<AnyVersionTag>(2), Version<AnyVersionTag>(7)});
    return written(std::move(w));
  }
  if (type == "Version") return written(std::move(w.u16(7)));
  if (type == "Maybe ByteString") {
    std::optional<Bytes> value;
    if (c.has("value")) value = c.bytes("value");
    return written(std::move(w.optional(value, write_short)));
  }
  if (type == "Maybe Word16") return written(std::move(w.optional(std::optional<std::uint16_t>(5), write_u16)));
  if (type == "Maybe (Maybe Bool)") return written(std::move(w.just().just().boolean(true)));
  if (type == "(Bool, Word16, ByteString)")
    return written(std::move(w.boolean(true).u16(7).short_string(as_bytes("xyz"))));
  if (type == "(ByteString, Tail)") return written(std::move(w.short_string(as_bytes("id")).raw("rest")));
  if (type == "NonEmpty ByteString" || type == "list of ByteString") {
    std::vector<Bytes> values;
    if (type == "NonEmpty ByteString") values = {to_bytes("a"), to_bytes("bc"), {}};
    return written(std::move(w.list(values, write_short)));
  }
  if (type == "NonEmpty Word16") {
    return written(std::move(w.list(std::vector<std::uint16_t>{1, 2, 3}, write_u16)));
  }
  throw std::runtime_error("no encoder for " + type);
}

TEST(EncodingVectors, SmpEncode) {
  run_vectors(file, "smp_encode", 44, [](const Case& c) {
    const Bytes value = c.text("type") == "ByteString" ? c.bytes("value") : Bytes();
    if (c.text("type") != "ByteString") {
      EXPECT_EQ(hex(encode_primitive(c)), c.text("bytes"));
    } else if (value.size() <= 255) {
      EXPECT_EQ(hex(written(std::move(Writer().short_string(value)))), c.text("bytes"));
    } else {
      // The reference writes a length that wrapped, which nobody can read; that it can't happen here is the point.
      Writer w;
      EXPECT_THROW(w.short_string(value), std::length_error);
      EXPECT_EQ(c.bytes("bytes").front(), static_cast<std::uint8_t>(value.size()));
    }
  });
}

// What the reference shows of a value.
template <class T>
Result<std::string> shown(Reader& reader, Result<T> value, std::function<std::string(const T&)> show) {
  if (!value) return std::unexpected(value.error());
  SIMPLEX_TRY(reader.finish());
  return show(*value);
}

Result<std::string> decode_primitive(std::string_view type, BytesView bytes) {
  Reader reader(bytes);
  if (type == "Bool") return shown<bool>(reader, reader.boolean(), [](bool b) { return b ? "True" : "False"; });
  if (type == "Maybe Word16") {
    return shown<std::optional<std::uint16_t>>(
        reader, reader.optional([](Reader& r) { return r.u16(); }),
        [](const auto& v) { return v ? "Just " + std::to_string(*v) : "Nothing"; });
  }
  if (type == "ByteString")
    return shown<BytesView>(reader, reader.short_string(),
                            [](BytesView b) { return '"' + std::string(as_text(b)) + '"'; });
  if (type == "NonEmpty Word16") {
    return shown<std::vector<std::uint16_t>>(
        reader,
        [&]() -> Result<std::vector<std::uint16_t>> {
          SIMPLEX_ASSIGN(auto list, reader.list([](Reader& r) { return r.u16(); }));
          if (list.empty()) return fail(ErrorKind::malformed, "empty list");
          return list;
        }(),
        [](const auto& list) {
          std::string rest;
          for (std::size_t i = 1; i < list.size(); ++i) rest += (i > 1 ? "," : "") + std::to_string(list[i]);
          return std::to_string(list[0]) + " :| [" + rest + "]";
        });
  }
  if (type == "VersionRange") {
    return shown<RawVersionRange>(reader, read_raw_version_range(reader), [](const RawVersionRange& range) {
      return "VRange {minVersion = Version " + std::to_string(range.min) + ", maxVersion = Version " +
             std::to_string(range.max) + "}";
    });
  }
  if (type == "Int64")
    return shown<std::int64_t>(reader, reader.i64(), [](std::int64_t v) { return std::to_string(v); });
  throw std::runtime_error("no decoder for " + std::string(type));
}

TEST(EncodingVectors, SmpDecode) {
  run_vectors(file, "smp_decode", 30, [](const Case& c) {
    const auto decoded = decode_primitive(c.text("type"), c.bytes("bytes"));
    EXPECT_EQ(decoded.has_value(), !c.has("error"));
    if (decoded && c.has("shows")) {
      EXPECT_EQ(*decoded, c.text("shows"));
    }
  });
}

std::vector<std::string> host_texts(const protocol::ServerAddress& server) {
  std::vector<std::string> texts;
  for (const auto& host : server.hosts) texts.push_back(host.text());
  return texts;
}

std::vector<std::string> texts(const boost::json::array& array) {
  std::vector<std::string> found;
  for (const auto& value : array) found.emplace_back(value.get_string());
  return found;
}

void expect_server(const Case& c, const protocol::ServerAddress& server) {
  EXPECT_EQ(host_texts(server), texts(c.array("hosts")));
  EXPECT_EQ(server.port, c.text("port"));
  EXPECT_EQ(hex(server.key_hash.view()), c.text("key_hash"));
}

TEST(EncodingVectors, StrEncode) {
  run_vectors(file, "str_encode", 16, [](const Case& c) {
    const std::string type = c.text("type");
    const std::string str = c.text("str");
    if (type == "VersionRange") {
      EXPECT_EQ(format_raw_version_range(
                    {static_cast<std::uint16_t>(c.number("min")), static_cast<std::uint16_t>(c.number("max"))}),
                str);
      return;
    }
    if (type == "SMPServerWithAuth") {
      const auto server = protocol::parse_server_with_auth(str);
      ASSERT_TRUE(server);
      ASSERT_TRUE(server->password);
      EXPECT_EQ(hex(server->password->reveal()), c.text("auth"));
      EXPECT_EQ(protocol::format(*server), str);
      return;
    }
    ASSERT_EQ(type, "SMPServer");
    protocol::ServerAddress server;
    for (const std::string& host : texts(c.array("hosts"))) server.hosts.push_back(*protocol::Host::parse(host));
    server.port = c.text("port");
    server.key_hash = protocol::KeyHash(c.bytes("key_hash"));
    EXPECT_EQ(protocol::format(server), str);
    EXPECT_EQ(protocol::format_first_host_only(server), c.text("legacy_str_first_host_only"));
    Writer binary;
    protocol::write_server_address(binary, server);
    EXPECT_EQ(hex(binary.view()), c.text("smp_bytes"));
    Writer first_form;
    protocol::write_first_form_server_address(first_form, server);
    EXPECT_EQ(hex(first_form.view()), c.text("legacy_smp_bytes_first_host_only"));

    const Bytes bytes = c.bytes("smp_bytes");
    Reader reader(bytes);
    const auto read = protocol::read_server_address(reader);
    ASSERT_TRUE(read);
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(*read, server);
  });
}

TEST(EncodingVectors, StrDecode) {
  run_vectors(file, "str_decode", 37, [](const Case& c) {
    const std::string str = c.text("str");
    if (c.text("type") == "VersionRange") {
      const auto range = parse_raw_version_range(str);
      EXPECT_EQ(range.has_value(), !c.has("error"));
      if (range) {
        EXPECT_EQ("VRange {minVersion = Version " + std::to_string(range->min) + ", maxVersion = Version " +
                      std::to_string(range->max) + "}",
                  c.text("shows"));
      }
      return;
    }
    const auto server = protocol::parse_server_with_auth(str);
    EXPECT_EQ(server.has_value(), !c.has("error")) << str;
    if (!server || c.has("error")) return;
    expect_server(c, server->address);
    EXPECT_EQ(server->password.has_value(), c.has("auth"));
    if (server->password && c.has("auth")) {
      EXPECT_EQ(hex(server->password->reveal()), c.text("auth"));
    }
    EXPECT_EQ(protocol::format(*server), c.text("re_encoded"));
  });
}

protocol::QueueAddress queue_address(const Case& c) {
  protocol::QueueAddress address;
  address.server = *protocol::parse_server_address(c.text("server"));
  address.sender_id = protocol::SenderId(c.bytes("sender_id"));
  address.dh_key = *crypto::X25519PublicKey::from(c.object("dh").bytes("pub_raw"));
  const std::string mode = c.text("queue_mode");
  if (mode == "messaging") address.mode = QueueMode::messaging;
  if (mode == "contact") address.mode = QueueMode::contact;
  if (mode != "messaging" && mode != "contact" && mode != "none") throw std::runtime_error("unknown mode " + mode);
  return address;
}

TEST(EncodingVectors, QueueUri) {
  run_vectors(file, "queue_uri", 72, [](const Case& c) {
    const protocol::QueueUri queue{*parse_version_range<SmpClientVersionTag>(c.text("client_versions")),
                                   queue_address(c)};
    EXPECT_EQ(protocol::format(queue), c.text("str"));
    Writer writer;
    protocol::write_queue_uri(writer, queue);
    EXPECT_EQ(hex(writer.view()), c.text("smp_bytes"));

    const auto parsed = protocol::parse_queue_uri(c.text("str"));
    ASSERT_TRUE(parsed) << parsed.error().message;
    EXPECT_EQ(*parsed == queue, c.boolean("str_decodes_to_same"));
    Reader reader(writer.view());
    const auto read = protocol::read_queue_uri(reader);
    ASSERT_TRUE(read);
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(*read == queue, c.boolean("smp_decodes_to_same"));
  });
}

TEST(EncodingVectors, QueueInfo) {
  run_vectors(file, "queue_info", 24, [](const Case& c) {
    const protocol::QueueInfo queue{SmpClientVersion(static_cast<std::uint16_t>(c.number("client_version"))),
                                    queue_address(c)};
    Writer writer;
    protocol::write_queue_info(writer, queue);
    EXPECT_EQ(hex(writer.view()), c.text("smp_bytes"));
    Reader reader(writer.view());
    const auto read = protocol::read_queue_info(reader);
    ASSERT_TRUE(read);
    EXPECT_TRUE(reader.finish());
    EXPECT_EQ(read->version, queue.version);
    EXPECT_EQ(read->address.sender_id, queue.address.sender_id);
    EXPECT_EQ(read->address.dh_key, queue.address.dh_key);
    Writer again;
    protocol::write_queue_info(again, *read);
    EXPECT_EQ(hex(again.view()), c.text("smp_bytes"));
  });
}

TEST(EncodingVectors, QueueUriDecode) {
  run_vectors(file, "queue_uri_decode", 12, [](const Case& c) {
    const auto queue = protocol::parse_queue_uri(c.text("str"));
    EXPECT_EQ(queue.has_value(), !c.has("error")) << c.text("str");
    if (queue && !c.has("error")) {
      EXPECT_EQ(protocol::format(*queue), c.text("re_encoded"));
    }
  });
}

// Binary form and site are not kept together: the binary form has no site and loses some modes.
protocol::FullLink read_link(BytesView bytes) {
  Reader reader(bytes);
  auto link = protocol::read_full_link(reader);
  if (!link) throw std::runtime_error(link.error().message);
  EXPECT_TRUE(reader.finish());
  return std::move(*link);
}

TEST(EncodingVectors, ConnectionLinkFull) {
  run_vectors(file, "connection_link_full", 15, [](const Case& c) {
    auto link = protocol::parse_full_link(c.text("str"));
    ASSERT_TRUE(link) << link.error().message;
    auto& data = std::visit([](auto& one) -> protocol::LinkData& { return one.data; }, *link);
    EXPECT_FALSE(data.site);
    if (c.text("str").starts_with("https://"))
      data.site = protocol::LinkSite{*protocol::Host::parse("simplex.chat"), ""};

    // The text leaves the KEM key out below version 3, the binary form does not.
    const Bytes bytes = c.bytes("smp_bytes");
    const protocol::FullLink from_binary = read_link(bytes);
    if (auto* one = std::get_if<protocol::InvitationLink>(&*link); one != nullptr && !one->e2e.kem)
      one->e2e.kem = std::get<protocol::InvitationLink>(from_binary).e2e.kem;
    EXPECT_EQ(protocol::format(*link), c.text("str"));
    for (const protocol::FullLink& one : {*link, from_binary}) {
      Writer writer;
      protocol::write_full_link(writer, one);
      EXPECT_EQ(hex(writer.view()), c.text("smp_bytes"));
    }

    const auto* invitation = std::get_if<protocol::InvitationLink>(&*link);
    EXPECT_EQ(c.text("mode"), invitation != nullptr ? "invitation" : "contact");
    if (invitation == nullptr) return;
    EXPECT_EQ(protocol::format(invitation->e2e), c.text("e2e_param_str"));
    EXPECT_EQ(hex(invitation->e2e.key1.view()), c.text("x3dh_pub_1"));
    EXPECT_EQ(hex(invitation->e2e.key2.view()), c.text("x3dh_pub_2"));
    Writer e2e;
    crypto::write_e2e_ratchet_params_uri(e2e, invitation->e2e);
    EXPECT_EQ(hex(e2e.view()), c.text("e2e_param_smp_bytes"));
  });
}

TEST(EncodingVectors, ConnectionLinkDecode) {
  run_vectors(file, "connection_link_decode", 16, [](const Case& c) {
    const auto link = protocol::parse_full_link(c.text("str"));
    EXPECT_EQ(link.has_value(), !c.has("error")) << c.text("note");
    if (link && !c.has("error")) {
      EXPECT_EQ(protocol::format(*link), c.text("re_encoded"));
    }
  });
}

TEST(EncodingVectors, ConnectionLinkShort) {
  run_vectors(file, "connection_link_short", 30, [](const Case& c) {
    const auto link = protocol::parse_short_link(c.text("str"));
    ASSERT_TRUE(link) << link.error().message;
    EXPECT_EQ(protocol::format(*link), c.text("str"));
    EXPECT_EQ(hex(link->key.view()), c.text("link_key"));
    if (link->is_invitation()) {
      EXPECT_EQ(hex(link->link_id.view()), c.text("link_id_if_invitation"));
    }
    Writer writer;
    protocol::write_short_link(writer, *link);
    EXPECT_EQ(hex(writer.view()), c.text("smp_bytes"));
    Reader reader(writer.view());
    auto read = protocol::read_short_link(reader);
    ASSERT_TRUE(read);
    EXPECT_TRUE(reader.finish());
    read->scheme = link->scheme;
    EXPECT_EQ(*read, *link);
  });
}

TEST(EncodingVectors, ShortLinkShorten) {
  run_vectors(file, "short_link_shorten", 7, [](const Case& c) {
    std::vector<protocol::ServerAddress> presets;
    for (const std::string& preset : texts(c.array("preset_servers")))
      presets.push_back(*protocol::parse_server_address(preset));
    const auto full = protocol::parse_short_link(c.text("full"));
    ASSERT_TRUE(full);
    const auto shortened = protocol::shorten(*full, presets);
    EXPECT_EQ(protocol::format(shortened), c.text("shortened"));
    EXPECT_EQ(protocol::format(protocol::restore(shortened, presets)), c.text("restored"));
  });
}

TEST(EncodingVectors, ShortLinkDecode) {
  run_vectors(file, "short_link_decode", 15, [](const Case& c) {
    const auto link = protocol::parse_short_link(c.text("str"));
    EXPECT_EQ(link.has_value(), !c.has("error")) << c.text("note");
    if (link && !c.has("error")) {
      EXPECT_EQ(protocol::format(*link), c.text("re_encoded"));
    }
  });
}

}  // namespace
}  // namespace simplex
