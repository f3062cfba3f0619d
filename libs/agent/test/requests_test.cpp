// Requests that come to an address.
#include "pair.hpp"

namespace simplex::agent {
namespace {

class RequestsTest : public PairTest {
 protected:
  protocol::ContactLink address() {
    alice.connection = alice.new_connection(Role::address, AgentVersion(7), crypto::PqSupport::off);
    return make_address(alice.new_rcv_queue(protocol::QueueMode::contact), alice.core->config.versions);
  }
  // What a guest's agent sends to it.
  Bytes request(Desk& guest, const protocol::ContactLink& link, std::string_view info) {
    const auto invitation = guest.invite();
    const auto agreed = agree(link, guest.core->config.versions, as_bytes(info));
    EXPECT_TRUE(agreed);
    EXPECT_TRUE(guest.core->turn.run(
        [&] { return guest.deliveries->enqueue_request(guest.now_connection(), *agreed, invitation); }));
    guest.loop.run();
    const auto queues = guest.core->messages.queues_with_deliveries();
    EXPECT_EQ(queues->size(), 1u);
    const auto queue = guest.core->queues.snd_queue(queues->front());
    const auto delivery = guest.core->messages.first_of(queues->front(), DeliveryKey(), DeliveryKey(1'000'000));
    EXPECT_TRUE(delivery && *delivery && queue && *queue);
    auto body = guest.deliveries->body_of(**delivery, **queue);
    EXPECT_TRUE(body && guest.core->messages.erase((*delivery)->key));
    return *body;
  }
};

TEST_F(RequestsTest, ARequestIsShownOnce) {
  const auto link = address();
  const auto body = request(bob, link, "bob's profile");
  const auto shown = only<RequestReceived>(alice.deliver(body));
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->connection, alice.connection.id);
  EXPECT_EQ(as_text(shown->peer_info), "bob's profile");
  EXPECT_TRUE(shown->pq_support);
  EXPECT_TRUE(alice.deliver(body).empty());
  const auto kept = alice.core->requests.find(shown->request);
  ASSERT_TRUE(kept && *kept);
  EXPECT_TRUE(std::holds_alternative<protocol::InvitationLink>(*protocol::parse_full_link((*kept)->link)));
  // Answered, and the guest's relay repeats it.
  ASSERT_TRUE(alice.core->requests.set_answered(shown->request));
  EXPECT_TRUE(alice.deliver(body).empty());
  EXPECT_FALSE(*alice.core->requests.find(shown->request));
}

TEST_F(RequestsTest, TheAddressServesEverybody) {
  const auto link = address();
  for (std::uint64_t seed = 10; seed < 15; ++seed) {
    Desk guest{seed};
    EXPECT_TRUE(only<RequestReceived>(alice.deliver(request(guest, link, "guest"))));
  }
  EXPECT_EQ(*alice.core->requests.waiting(alice.connection.key), 5);
}

TEST_F(RequestsTest, AFloodWaitsAtTheRelay) {
  alice.core->config.waiting_requests = 2;
  const auto link = address();
  std::vector<Bytes> bodies;
  for (std::uint64_t seed = 10; seed < 13; ++seed) {
    Desk guest{seed};
    bodies.push_back(request(guest, link, "guest"));
  }
  const auto first = only<RequestReceived>(alice.deliver(bodies[0]));
  ASSERT_TRUE(first);
  EXPECT_TRUE(only<RequestReceived>(alice.deliver(bodies[1])));
  EXPECT_TRUE(alice.deliver(bodies[2]).empty());
  ASSERT_TRUE(alice.core->requests.set_answered(first->request));
  EXPECT_TRUE(only<RequestReceived>(alice.deliver(bodies[2])));
}

TEST_F(RequestsTest, WhatIsNoRequestIsReportedOnce) {
  const auto link = address();
  // A confirmation, as if this were an invitation.
  const auto invitation = protocol::InvitationLink{link.data, bob.invite().e2e};
  Desk carol{3};
  carol.join(invitation, "carol");
  const auto body = carol.take();
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(body)));
  EXPECT_TRUE(alice.deliver(body).empty());
  EXPECT_TRUE(only<RequestReceived>(alice.deliver(request(bob, link, "bob"))));
}

TEST_F(RequestsTest, AnInvitationTakesNoRequests) {
  const auto invitation = alice.invite();
  const auto body = request(bob, protocol::ContactLink{invitation.data}, "bob");
  EXPECT_TRUE(only<ReceptionFailed>(alice.deliver(body)));
  EXPECT_EQ(alice.count("requests"), 0);
}

TEST_F(RequestsTest, WhatWasAnsweredIsForgottenAfterItsTime) {
  const auto shown = only<RequestReceived>(alice.deliver(request(bob, address(), "bob")));
  ASSERT_TRUE(shown);
  const auto later = alice.core->now() + std::chrono::hours(1);
  ASSERT_TRUE(alice.core->requests.forget_answered_before(later));
  EXPECT_EQ(alice.count("requests"), 1);
  ASSERT_TRUE(alice.core->requests.set_answered(shown->request));
  ASSERT_TRUE(alice.core->requests.forget_answered_before(later));
  EXPECT_EQ(alice.count("requests"), 0);
}

}  // namespace
}  // namespace simplex::agent
