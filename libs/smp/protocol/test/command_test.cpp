#include "simplex/smp/command.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "simplex/encoding/base64.hpp"
#include "generate.hpp"

namespace simplex::smp {
namespace {

template <class F>
void for_all_versions(F&& check) {
  for (std::uint16_t v = initial_version.value(); v <= current_version.value(); ++v) check(SmpVersion(v));
}

TEST(Command, EachComesBackInEachVersion) {
  EXPECT_TRUE(rc::check("commands", [](std::uint64_t seed) {
    testing::Generator generate(seed);
    for (std::size_t kind = 0; kind < std::variant_size_v<ClientCommand>; ++kind) {
      const ClientCommand command = generate.command(kind);
      RC_ASSERT(command.index() == kind);
      for_all_versions([&](SmpVersion version) {
        const Bytes bytes = encode(command, version);
        const auto decoded = decode_command(bytes, version);
        RC_ASSERT(decoded.has_value());
        RC_ASSERT(encode(*decoded, version) == bytes);
        if (version == current_version) {
          RC_ASSERT(*decoded == command);
        }
      });
    }
  }));
}

// What a command loses and nothing else: every cut and every octet too many is a syntax error, except where the end is
// the body's.
TEST(Command, CutOrLongerIsASyntaxError) {
  const auto takes_the_rest = [](const ClientCommand& c) {
    return std::holds_alternative<command::Send>(c) || std::holds_alternative<command::Pfwd>(c) ||
           std::holds_alternative<command::Rfwd>(c) || std::holds_alternative<command::Rslv>(c);
  };
  testing::Generator generate(5);
  for (std::size_t kind = 0; kind < std::variant_size_v<ClientCommand>; ++kind) {
    const ClientCommand command = generate.command(kind);
    if (takes_the_rest(command)) continue;
    for_all_versions([&](SmpVersion version) {
      Bytes bytes = encode(command, version);
      const std::size_t step = bytes.size() > 1000 ? 97 : 1;
      for (std::size_t size = name_of(command).size() + 1; size < bytes.size(); size += step) {
        const auto cut = decode_command(BytesView(bytes).first(size), version);
        ASSERT_FALSE(cut) << name_of(command) << ' ' << size;
        ASSERT_EQ(cut.error(), CommandError::syntax);
      }
      const bool has_parameters = bytes.size() > name_of(command).size();
      bytes.push_back(has_parameters ? 'x' : ' ');
      const auto longer = decode_command(bytes, version);
      ASSERT_FALSE(longer) << name_of(command);
      ASSERT_EQ(longer.error(), CommandError::syntax);
    });
  }
}

TEST(Command, GarbageNeverThrows) {
  EXPECT_TRUE(rc::check("garbage", [](std::uint64_t seed, const Bytes& tail) {
    testing::Generator generate(seed);
    Bytes bytes = to_bytes(name_of(generate.command(seed % 25)));
    bytes.push_back(' ');
    append(bytes, tail);
    for_all_versions([&](SmpVersion version) { (void)decode_command(bytes, version); });
  }));
}

TEST(Command, ServiceSubscriptionsFrom19) {
  IdsHash hash;
  hash.mutable_view()[0] = 0xAB;
  const command::Subs subs{{3, hash}};
  EXPECT_EQ(as_text(encode(subs, SmpVersion(18))), "SUBS");
  EXPECT_EQ(hex(encode(subs, SmpVersion(19))),
            "53554253"
            "20"
            "0000000000000003"
            "10"
            "ab000000000000000000000000000000");
  EXPECT_EQ(hex(encode(command::Nsubs{{3, hash}}, SmpVersion(20))).substr(0, 12), "4e5355425320");
  EXPECT_EQ(decode_command(as_bytes("SUBS"), SmpVersion(18)).value(), ClientCommand(command::Subs{}));
  EXPECT_FALSE(decode_command(as_bytes("SUBS"), SmpVersion(19)));
}

TEST(Command, NamesToResolve) {
  const auto name = [](std::string_view text) {
    return decode_command(as_bytes("RSLV " + std::string(text)), current_version);
  };
  EXPECT_EQ(std::get<command::Rslv>(name("Alice.SimpleX").value()).name.text(), "alice.simplex");
  EXPECT_EQ(std::get<command::Rslv>(name("a.b-c.testing later parameters").value()).name.text(), "a.b-c.testing");
  for (const std::string bad : {"", "alice", ".simplex", "a..simplex", "a-.simplex", "-a.simplex", "a--b.simplex",
                                "\xD0\xB0.simplex", "a.simplex.", "a_b.simplex"})
    EXPECT_FALSE(name(bad)) << bad;
  EXPECT_FALSE(name(std::string(64, 'a') + ".simplex"));
  EXPECT_TRUE(name(std::string(63, 'a') + ".simplex"));
}

TEST(Command, BodyIsAViewOfTheInput) {
  const Bytes bytes = encode(command::Send{{true}, Content(as_bytes("hello"))}, current_version);
  const auto send = std::get<command::Send>(decode_command(bytes, current_version).value());
  EXPECT_EQ(send.body.bytes.data(), bytes.data() + 7);
}

TEST(Command, LongestMessagesByVersion) {
  EXPECT_EQ(max_message_length(SmpVersion(6)), 16088);
  EXPECT_EQ(max_message_length(SmpVersion(7)), 16088);
  EXPECT_EQ(max_message_length(SmpVersion(8)), 16064);
  EXPECT_EQ(max_message_length(SmpVersion(10)), 16064);
  EXPECT_EQ(max_message_length(SmpVersion(11)), 16048);
  EXPECT_EQ(max_message_length(SmpVersion(20)), 16048);
}

TEST(Command, ServiceSignaturesGoWithQueueCommands) {
  EXPECT_TRUE(uses_service_signature(command::Sub{}));
  EXPECT_TRUE(uses_service_signature(command::Nsub{}));
  EXPECT_TRUE(uses_service_signature(command::New{}));
  EXPECT_FALSE(uses_service_signature(command::Send{}));
  EXPECT_FALSE(uses_service_signature(command::Subs{}));
}

}  // namespace
}  // namespace simplex::smp
