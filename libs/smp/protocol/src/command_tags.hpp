// The words of commands and messages, in the order of their variants.
#pragma once

#include <array>
#include <string_view>

namespace simplex::smp {

inline constexpr std::array<std::string_view, 25> command_tags{
    "NEW", "SUB",  "SUBS", "KEY",  "RKEY", "LSET", "LDEL", "NKEY",  "NDEL", "GET",  "ACK",  "OFF", "DEL",
    "QUE", "SKEY", "SEND", "PING", "LKEY", "LGET", "NSUB", "NSUBS", "PRXY", "PFWD", "RFWD", "RSLV"};

inline constexpr std::array<std::string_view, 19> message_tags{"IDS",  "LNK",  "SOK",  "SOKS", "MSG",  "NID",  "NMSG",
                                                               "PKEY", "RRES", "PRES", "END",  "ENDS", "DELD", "INFO",
                                                               "OK",   "ERR",  "PONG", "ALLS", "RNAME"};

}  // namespace simplex::smp
