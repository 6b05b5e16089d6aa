#include <catch2/catch.hpp>

#include "proxy/standing/greylist.h"
#include "proxy/standing/name_shape.h"
#include "support/standing_settings.h"

using namespace ravelin;
using proxy::organisation_of;
using test::ip;

TEST_CASE("a name of an organisation's mail server gives the organisation") {
  struct Row {
    const char* address;
    const char* name;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {"80.190.243.62", "mail.kuehnast.com", "kuehnast.com"},
      {"209.85.208.54", "mail-ed1-f54.google.com", "google.com"},
      {"40.107.15.73", "mail-eopbgr150073.outbound.protection.outlook.com", "outlook.com"},
      {"54.240.27.23", "a27-23.smtp-out.us-west-2.amazonses.com", "amazonses.com"},
      {"130.133.4.66", "outpost1.zedat.fu-berlin.de", "fu-berlin.de"},
      {"17.58.63.12", "st43p00im-ztdg10073201.me.com", "me.com"},
      {"198.2.128.12", "mail12.suw11.mcdlv.net", "mcdlv.net"},
      {"192.0.2.1", "MX1.Example.CO.UK", "example.co.uk"},
      {"192.0.2.1", "mx.example.com.", "example.com"},
      {"192.0.2.1", "example.com", "example.com"},
      {"192.0.2.1", "outbound.mail.dyn.com", "dyn.com"},     // a company, not a word
      {"192.0.2.1", "mx.poole.example.org", "example.org"},  // not the word "pool"
      {"2001:db8::25", "mail.example.net", "example.net"},
      {"192.0.2.1", "co.uk", ""},  // a public suffix
      {"192.0.2.1", "com", ""},
      {"192.0.2.1", "", ""},
      {"192.0.2.1", ".", ""},
  }));
  CAPTURE(row.name);
  CHECK(organisation_of(row.name, ip(row.address)) == row.want);
}

TEST_CASE("the provider of a name is who bought its domain") {
  struct Row {
    std::string host;
    const char* want;
  };
  const auto row = GENERATE(values<Row>({
      {"ec2-192-0-2-1.eu-central-1.compute.amazonaws.com", "amazonaws.com"},
      {"host.example.co.uk", "example.co.uk"},
      {"example.com", "example.com"},
      {"a.b.c.d.e.f.g.h.i.example.com", "example.com"},
      {"com", ""},
      {"co.uk", ""},
      {"", ""},
  }));
  CAPTURE(row.host);
  CHECK(proxy::provider_domain(row.host) == row.want);
}

TEST_CASE("what is no name has an end, too") {
  for (const std::string& host : {std::string("."), std::string("..com"), std::string(255, '.')}) {
    CAPTURE(host);
    CHECK(host.ends_with(proxy::provider_domain(host)));
  }
}

TEST_CASE("a name that contains its address or a word of customers' lines gives none") {
  struct Row {
    const char* address;
    const char* name;
  };
  const auto row = GENERATE(values<Row>({
      {"91.10.28.45", "p5B0A1C2D.dip0.t-ipconnect.de"},  // hexadecimal
      {"91.64.12.34", "ip5b400c22.example.de"},
      {"96.56.12.34", "ool-60380c22.static.optonline.net"},
      {"96.56.12.34", "h220c3860.example.net"},       // backwards
      {"51.254.12.34", "ns3012345.ip-51-254-12.eu"},  // three octets
      {"84.119.12.34", "84-119-12-34.chello.example"},
      {"88.66.12.34", "x-088-066-012-034.arcor-ip.example"},  // padded
      {"85.178.12.34", "e178012034.alicedsl.de"},             // joined
      {"126.12.34.56", "softbank126012034056.bbtec.net"},
      {"192.168.112.134", "h192168112134.example.net"},
      {"70.24.12.34", "toronto12-1175981090.bell.ca"},  // one number
      {"83.42.12.34", "34.red-83-42-12.rima-tde.net"},
      {"178.120.12.34", "mm-34-12-120-178.mgts.byfly.by"},  // backwards
      {"122.160.12.34", "abts-north-034.12.160.122.airtel.example"},
      {"78.46.12.34", "static.34.12.46.78.clients.your-server.de"},
      {"212.12.34.56", "static-212-12-34-56.business.example-isp.net"},
      {"2003:e1::1", "p200300E10000000000000000000001.dip0.t-ipconnect.de"},
      {"2001:db8:12:34:56:78:9a:bc", "2001-db8-12-34-56-78-9a-bc.isp.example"},
      {"2001:db8:12:34::1", "host-20010db800120034.isp.example"},
      {"2001:db8:12:34:56:78:9a:bc",
       "c.b.0.0.a.9.0.0.8.7.0.0.6.5.0.0.4.3.0.0.2.1.0.0.8.b.d.0.1.0.0.2.isp.example"},
      {"83.20.12.34", "abcd.neoplus.adsl.tpnet.pl"},  // words
      {"86.12.34.56", "cpc12345-bour6-2-0-cust55.cable.virginm.net"},
      {"90.12.34.56", "lfbn-par-1.abo.wanadoo.fr"},
      {"192.0.2.1", "pool7.isp.example"},
      {"192.0.2.1", "mail.home.isp.example"},
      {"192.0.2.1", "DYN-A.isp.example"},
  }));
  CAPTURE(row.name);
  CHECK(organisation_of(row.name, ip(row.address)).empty());
}
