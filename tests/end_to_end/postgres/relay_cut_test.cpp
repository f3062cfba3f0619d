// People talk through a relay whose way to the database is cut at its commits: they notice nothing.
#include "cut_wire.hpp"
#include "relay_database.hpp"

namespace simplex::end_to_end {
namespace {

using caller::Caller;
using smp::stores::Cluster;
using smp::stores::CutWire;

TEST(RelayOnACutWire, NoMessageIsLostAndNoneComesTwice) {
  CutWire wire;
  const auto place = relay_with_database(wire.connection());
  place->start();
  Caller alice(place->line("alice", nullptr), place->address());
  Caller bob(place->line("bob", nullptr), place->address());
  ASSERT_TRUE(alice.connected() && bob.connected());
  const auto queue = alice.create();
  const auto key = bob.new_key();
  const auto cut = [&](CutWire::Loses what) { wire.cut_at_next_commit(what); };
  cut(CutWire::Loses::answer);
  EXPECT_EQ(bob.secure_as_sender(queue.sender, key), "OK");
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < 12; ++i) {
    const auto what = std::array{CutWire::Loses::question, CutWire::Loses::answer, CutWire::Loses::nothing}.at(i % 3);
    const auto text = "message " + std::to_string(i);
    cut(what);
    EXPECT_EQ(bob.send(queue.sender, text, &key), "OK");
    wire.await_cut();
    const auto message = alice.event();
    EXPECT_EQ(message.text(queue), text);
    ids.emplace_back(as_text(caller::message_id(message).view()));
    cut(what);
    EXPECT_EQ(alice.acknowledge(queue, message).text(), "OK");
    wire.await_cut();
  }
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  EXPECT_EQ(alice.state(queue), "0 secured");
  // Nor when the relay is killed while it does not know.
  for (int i = 0; i < 3; ++i) {
    cut(CutWire::Loses::answer);
    const auto text = "before the end " + std::to_string(i);
    bob.post(smp::command::Send{{}, smp::Content(as_bytes(text))}, queue.sender.view(), &key);
    wire.await_cut();
    place->kill();
    place->start();
    ASSERT_EQ(alice.connect(), "");
    ASSERT_EQ(bob.connect(), "");
    EXPECT_EQ(alice.subscribe(queue), "SOK");
    EXPECT_EQ(alice.receive(queue), text) << "it was committed, and is there once";
    EXPECT_EQ(alice.state(queue), "0 secured");
  }
  place->stop();
}

}  // namespace
}  // namespace simplex::end_to_end
