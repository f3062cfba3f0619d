// short_links.json: keys, signed and sealed data of short links, chains of owners.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "simplex/crypto/hash.hpp"
#include "simplex/encoding/base64.hpp"
#include "simplex/protocol/sealed_link_data.hpp"
#include "simplex/testing/random.hpp"
#include "simplex/testing/vectors.hpp"

namespace simplex::protocol {
namespace {

using testing::Case;
using testing::run_vectors;

constexpr std::string_view file = "short_links.json";

template <class Fixed>
Fixed fixed(BytesView bytes) {
  auto made = Fixed::from(bytes);
  EXPECT_TRUE(made) << "wrong size";
  return made ? std::move(*made) : Fixed();
}

LinkKey key_in(const Case& c) { return LinkKey(c.bytes("link_key")); }
crypto::SecretBoxKey box_key_in(const Case& c) { return fixed<crypto::SecretBoxKey>(c.bytes("sb_key")); }
ConnectionMode mode_in(const Case& c) {
  return c.text("mode") == "contact" ? ConnectionMode::contact : ConnectionMode::invitation;
}

Result<LinkContents> opened(const Case& c) {
  return open_link_data(mode_in(c), key_in(c), box_key_in(c), c.bytes("encrypted_fixed_data"),
                        c.bytes("encrypted_user_data"));
}

TEST(ShortLinksVectors, Keys) {
  run_vectors(file, "link_kdf", 4, [](const Case& c) {
    const auto contact = contact_link_keys(key_in(c));
    EXPECT_EQ(hex(contact.id.view()), c.text("contact_link_id"));
    EXPECT_EQ(hex(contact.box_key.reveal()), c.text("contact_sb_key"));
    EXPECT_EQ(hex(invitation_box_key(key_in(c)).reveal()), c.text("invitation_sb_key"));
  });
}

void expect_same_signed_data(const Case& c, const LinkContents& contents) {
  const auto root = fixed<crypto::Ed25519PrivateKey>(c.object("root_key").bytes("priv_raw"));
  const auto signed_fixed = sign_link_data(contents.fixed, root);
  ASSERT_TRUE(signed_fixed) << signed_fixed.error().message;
  EXPECT_EQ(signed_fixed->key, key_in(c));
  EXPECT_EQ(hex(signed_fixed->octets), c.text("signed_fixed_data"));

  // Signed with the root key or an owner's: one of them gives the same octets.
  std::vector<std::string> made;
  const auto sign_with = [&](const crypto::Ed25519PrivateKey& key) {
    const auto signed_user = sign_link_data(contents.user, key);
    ASSERT_TRUE(signed_user) << signed_user.error().message;
    made.push_back(hex(*signed_user));
  };
  sign_with(root);
  if (c.has("owner_keys")) {
    for (const auto& value : c.array("owner_keys"))
      sign_with(fixed<crypto::Ed25519PrivateKey>(Case(value.as_object()).bytes("priv_raw")));
  }
  EXPECT_NE(std::ranges::find(made, c.text("signed_user_data")), made.end());
}

void expect_same_sealed_data(const Case& c) {
  const Bytes sealed = c.bytes("encrypted_fixed_data");
  testing::ScriptedRandom fixed_nonce(to_bytes(BytesView(sealed).first(24)));
  const auto sealed_fixed = seal_fixed_data(fixed_nonce, box_key_in(c), c.bytes("signed_fixed_data"));
  ASSERT_TRUE(sealed_fixed) << sealed_fixed.error().message;
  EXPECT_EQ(hex(*sealed_fixed), c.text("encrypted_fixed_data"));
  testing::ScriptedRandom user_nonce(c.bytes("encrypted_user_data_nonce"));
  const auto sealed_user = seal_user_data(user_nonce, box_key_in(c), c.bytes("signed_user_data"));
  ASSERT_TRUE(sealed_user) << sealed_user.error().message;
  EXPECT_EQ(hex(*sealed_user), c.text("encrypted_user_data"));
  EXPECT_EQ(sealed_user->size(), static_cast<std::size_t>(c.number("encrypted_user_data_len")));
  EXPECT_EQ(hex(crypto::sha256(*sealed_user).view()), c.text("encrypted_user_data_sha256"));
}

TEST(ShortLinksVectors, LinkData) {
  run_vectors(file, "link_data", 16, [](const Case& c) {
    expect_same_sealed_data(c);
    const auto contents = opened(c);
    ASSERT_EQ(contents.has_value(), !c.has("error"));
    if (!contents) {
      EXPECT_EQ(contents.error().kind, ErrorKind::authentication);
      const auto reason = contents.error().message.substr(contents.error().message.find('(') + 1);
      EXPECT_NE(c.text("error").find(reason.substr(0, reason.find(')'))), std::string::npos) << reason;
      return;
    }
    EXPECT_EQ(hex(encode(contents->fixed).value()), c.text("fixed_reencoded"));
    EXPECT_EQ(hex(encode(contents->user).value()), c.text("user_reencoded"));
    EXPECT_EQ(hex(contents->fixed.root_key.view()), c.object("root_key").text("pub_raw"));
    expect_same_signed_data(c, *contents);
    if (c.has("user_data")) EXPECT_EQ(hex(contents->user.content()), c.text("user_data"));
    if (c.has("link_id")) EXPECT_EQ(hex(contact_link_keys(key_in(c)).id.view()), c.text("link_id"));
    if (!c.has("owners")) return;
    const auto& owners = std::get<ContactUserData>(contents->user.data).owners;
    EXPECT_EQ(owners.size(), c.array("owners").size());
    EXPECT_TRUE(check_owners(contents->fixed.root_key, owners));
  });
}

TEST(ShortLinksVectors, Owners) {
  run_vectors(file, "validate_owners", 8, [](const Case& c) {
    std::vector<LinkOwner> owners;
    for (const auto& value : c.array("owners_encoded")) {
      const Bytes octets = testing::unhex(std::string_view(value.as_string()));
      Reader reader(octets);
      auto owner = read_link_owner(reader);
      ASSERT_TRUE(owner) << owner.error().message;
      EXPECT_TRUE(reader.finish());
      Writer writer;
      write_link_owner(writer, *owner);
      EXPECT_EQ(hex(writer.view()), hex(octets));
      owners.push_back(std::move(*owner));
    }
    const auto checked = check_owners(fixed<crypto::Ed25519PublicKey>(c.bytes("root_key_raw")), owners);
    EXPECT_EQ(checked.has_value(), c.text("result") == "ok");
    if (!checked) {
      const bool unauthorized = c.text("result").starts_with("invalid authorization");
      EXPECT_EQ(checked.error().kind, unauthorized ? ErrorKind::authentication : ErrorKind::conflict);
    }
  });
}

TEST(ShortLinksVectors, SenderId) {
  run_vectors(file, "sender_id", 2, [](const Case& c) {
    const auto corr_id = CorrId::from(c.bytes("corr_id"));
    ASSERT_TRUE(corr_id);
    EXPECT_EQ(hex(sender_id_of(*corr_id).view()), c.text("sha3_384_first_24"));
  });
}

}  // namespace
}  // namespace simplex::protocol
