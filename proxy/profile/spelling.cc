// Counted from words instead of a table of 784 numbers that nobody could check. The list is of
// given names, family names and offices from many countries, as they stand in mail addresses.
#include "proxy/profile/spelling.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace ravelin::proxy {
namespace {

using std::string_view;

constexpr string_view kWords =
    "james mary robert patricia john jennifer michael linda david elizabeth william barbara "
    "richard "
    "susan joseph jessica thomas sarah charles karen christopher nancy daniel lisa matthew betty "
    "anthony margaret mark sandra donald ashley steven kimberly paul emily andrew donna joshua "
    "michelle kenneth carol kevin amanda brian dorothy george melissa edward deborah ronald "
    "stephanie timothy rebecca jason sharon jeffrey laura ryan cynthia jacob kathleen gary amy "
    "nicholas shirley eric angela jonathan helen stephen anna larry brenda justin pamela scott "
    "nicole brandon samantha benjamin katherine samuel emma frank ruth gregory christine raymond "
    "catherine alexander debra patrick rachel jack carolyn dennis janet jerry maria tyler heather "
    "smith johnson williams brown jones garcia miller davis rodriguez martinez hernandez lopez "
    "gonzalez wilson anderson taylor moore jackson martin lee perez thompson white harris sanchez "
    "clark ramirez lewis robinson walker young allen king wright torres nguyen hill flores green "
    "adams nelson baker hall rivera campbell mitchell carter roberts gomez phillips evans turner "
    "diaz parker cruz edwards collins reyes stewart morris morales murphy cook rogers gutierrez "
    "ortiz morgan cooper peterson bailey reed kelly howard ramos kim cox ward richardson watson "
    "brooks chavez wood bennett gray mendoza ruiz hughes price alvarez castillo sanders patel "
    "myers long ross foster jimenez peter hans klaus juergen wolfgang stefan andreas matthias "
    "torsten dieter helmut gerhard heinz uwe joachim sabine monika petra renate ursula gisela "
    "ingrid brigitte heike birgit katrin claudia anja silke ute mueller schmidt schneider fischer "
    "weber meyer wagner becker schulz hoffmann schaefer koch bauer richter klein wolf schroeder "
    "neumann schwarz zimmermann braun krueger hofmann hartmann lange werner krause lehmann koehler "
    "maier herrmann koenig walter huber kaiser fuchs lang weiss jung hahn vogel friedrich keller "
    "guenther frank berger winkler roth beck lorenz baumann franke albrecht schuster simon ludwig "
    "boehm winter kraus jean pierre michel philippe alain nathalie isabelle sylvie jacques bernard "
    "francois laurent olivier sophie camille dupont durand leroy moreau lefebvre girard bonnet "
    "fontaine rousseau vincent fournier giuseppe giovanni francesco antonio luca marco andrea "
    "alessandro chiara giulia francesca rossi russo ferrari esposito bianchi romano colombo ricci "
    "marino greco bruno gallo conti costa giordano rizzo lombardi moretti jose juan carlos luis "
    "javier miguel manuel pedro carmen isabel pilar lucia fernandez moreno munoz romero navarro "
    "dominguez vazquez serrano joao paulo ana silva santos oliveira souza pereira lima carvalho "
    "ferreira ribeiro almeida jan piotr krzysztof andrzej tomasz pawel agnieszka malgorzata "
    "katarzyna ewa kowalski nowak wisniewski wojcik kaminski lewandowski zielinski szymanski "
    "ivan sergey alexey dmitry vladimir andrey mikhail natalia olga elena tatiana svetlana irina "
    "ivanov petrov sidorov smirnov kuznetsov popov vasiliev sokolov mikhailov novikov fedorov "
    "jiri josef pavel jana hana novak svoboda dvorak cerny prochazka laszlo istvan zoltan katalin "
    "nagy kovacs toth szabo horvath varga ion mihai elena popescu ionescu dimitris nikos yannis "
    "papadopoulos georgiou lars erik anders johan karin birgitta nilsson eriksson larsson olsson "
    "persson svensson hansen johansen olsen larsen andersen pedersen nielsen jensen christensen "
    "rasmussen jorgensen matti juhani korhonen virtanen nieminen jansen devries vandenberg bakker "
    "visser smit meijer dejong mohammed ahmed ali hassan fatima omar ibrahim yusuf aisha khalid "
    "mehmet mustafa ayse fatma huseyin yilmaz kaya demir celik sahin wei wang li zhang liu chen "
    "yang huang zhao wu zhou xu sun ma zhu lin guo he gao luo zheng hiroshi takashi kenji yuki "
    "akiko yoko sato suzuki takahashi tanaka watanabe ito yamamoto nakamura kobayashi kato yoshida "
    "park choi jung kang cho yoon jang lim minh tuan hoang tran pham raj kumar singh sharma gupta "
    "priya anil sunil deepak ravi krishna reddy rao iyer mehta shah bin abdullah siti nur wahyu "
    "budi agus santoso okafor adeyemi mwangi nkosi dlamini chukwu "
    "info sales support contact office admin postmaster abuse webmaster hostmaster marketing "
    "service accounts accounting billing orders shop help team news newsletter noreply reply jobs "
    "career personnel press media legal finance purchasing reception secretary manager director "
    "president chairman board library school student teacher university hotel booking reservation "
    "travel garden kitchen design studio photo music travel doctor clinic dental law lawyer church "
    "mail email webmail root test user guest staff member group club events feedback complaints "
    "security network system server backup archive list lists owner request bounce sekretariat "
    "buchhaltung bewerbung verwaltung einkauf verkauf vertrieb kontakt praxis kanzlei rechnung "
    "bestellung redaktion verein gemeinde rathaus schule ventas compras administracion contacto "
    "commercial comptabilite direction accueil biuro sekretariat kontakt vendite acquisti "
    "amministrazione segreteria sunshine dragon star blue black happy lucky angel baby sweet "
    "crazy cool big little golden silver tiger eagle lion rose moon fire water rock football "
    "guitar racing fisher hunter gamer pilot rider";

// Of a class after a class, whatever was counted: so rare a pair is no more than 8.5 bits of
// evidence, and "mkowalczyk" survives its "mk".
constexpr double kAnyClass = 0.08 / kSpellingClasses;

using Counts = std::array<std::array<double, kSpellingClasses>, kSpellingClasses>;

size_t class_of(char c) {
  if (c >= 'a' && c <= 'z') return static_cast<size_t>(c - 'a');
  return c >= '0' && c <= '9' ? kDigitClass : kBreakClass;
}

void count(string_view text, Counts& counts) {
  size_t before = kBreakClass;
  for (const char c : text) {
    ++counts[before][class_of(c)];
    before = class_of(c);
  }
  ++counts[before][kBreakClass];
}

std::vector<string_view> words() {
  std::vector<string_view> all;
  for (string_view rest = kWords; !rest.empty();) {
    const auto end = std::min(rest.find(' '), rest.size());
    all.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return all;
}

}  // namespace

// The forms in which words come: alone, two with or without a point, an initial before one, a
// number behind one.
Spelling::Spelling() {
  Counts counts{};
  string_view before = "anna";
  for (const auto word : words()) {
    count(word, counts);
    count(std::string(before) + "." + std::string(word), counts);
    count(std::string(before) + std::string(word), counts);
    count(before.substr(0, 1), counts);
    count(std::string(before.substr(0, 1)) + std::string(word), counts);
    count(std::string(word) + "77", counts);
    before = word;
  }
  for (size_t now = 0; now < kSpellingClasses; ++now) {
    double sum = 0;
    for (const auto times : counts[now]) sum += times;
    for (size_t then = 0; then < kSpellingClasses; ++then)
      log2_[now][then] = static_cast<float>(std::log2(0.92 * counts[now][then] / sum + kAnyClass));
  }
}

const Spelling& Spelling::of_names() {
  static const Spelling spelling;
  return spelling;
}

}  // namespace ravelin::proxy
