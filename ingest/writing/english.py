"""What Hark knows of English: its closed classes, by which the words of speech are told from what is spoken about.

Other languages have no list: there the library's own most frequent words serve.
"""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


# The words of spoken English that name nothing, alone or at either end of a phrase. Written for Hark from the closed
# classes (determiners, pronouns, prepositions, conjunctions, auxiliaries) and the verbs and fillers of speech.
_CLOSED_WORDS = _set(
    """
    a an the this that these those such other another same each every either neither some any no none all both half
    few many much more most less least several enough own
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself she her hers
    herself it its itself they them their theirs themselves one ones who whom whose which what whatever whoever
    someone somebody something anyone anybody anything everyone everybody everything nobody nothing
    about above across after against along among around as at before behind below beneath beside besides between
    beyond by despite down during except for from in inside into like near of off on onto out outside over past per
    since than through throughout till to toward towards under underneath until up upon versus via with within without
    and but or nor so yet if because although though unless while whereas whether when whenever where wherever why how
    however therefore thus hence then else also too either instead otherwise anyway anyways
    am is are was were be been being do does did done doing have has had having will would shall should can could may
    might must ought need dare used
    not never ever always often sometimes usually maybe perhaps probably possibly actually basically literally really
    very quite pretty rather fairly almost nearly just only even still already again once twice here there now today
    tomorrow yesterday tonight later soon recently currently ago away back forward together apart
    well yes yeah yep yup no nope nah okay ok oh ah uh um umm uhm hmm hm mm mhm hey hi hello bye wow cool awesome great
    good nice fine sure right exactly absolutely definitely certainly totally obviously clearly honestly seriously
    simply mostly generally kinda sorta gonna wanna gotta lemme dunno alright thank thanks please sorry welcome
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion number
    numbers
    don't doesn't didn't isn't aren't wasn't weren't haven't hasn't hadn't won't wouldn't can't cannot couldn't
    shouldn't i'm i've i'll i'd you're you've you'll you'd he's he'll he'd she's she'll she'd it's it'll it'd we're
    we've we'll we'd they're they've they'll they'd that's that'll that'd there's here's what's who's where's how's
    let's ain't y'all mr mrs ms dr etc
    """
)

# The verbs, nouns and adjectives of any speech: alone they name nothing, but they may be part of a term.
GENERAL_WORDS = _set(
    """
    say says said saying tell tells told telling talk talks talked talking speak ask asks asked asking answer call
    calls called calling know knows knew known knowing think thinks thought thinking mean means meant feel feels felt
    feeling guess suppose believe hope wish want wants wanted wanting like likes liked love loves loved see sees saw
    seen seeing look looks looked looking watch hear hears heard hearing find finds found finding show shows showed
    go goes went gone going come comes came coming get gets got gotten getting give gives gave given giving take takes
    took taken taking make makes made making put puts putting let lets keep keeps kept keeping leave left try tries
    tried trying use uses using start starts started starting stop stops stopped end ends ended ending happen happens
    happened happening turn turns turned work works worked working run runs ran help helps helped move become becomes
    seem seems seemed bring brings brought set sets sit stand pick picks check checking grab throw hold jump sort figure
    play wait care remember forget matter add added change changed
    thing things stuff way ways kind kinds type types bit lot lots bunch couple ton tons part parts piece point points
    case cases example examples idea ideas fact reason reasons question questions answer answers problem problems issue
    place places side end top bottom middle front person people guy guys man men woman folks everybody
    time times day days week weeks month months year years hour hours minute minutes second seconds moment morning night
    first second third last next previous new old big bigger biggest small smaller little large long longer short high
    higher low lower better best bad worse worst easy easier hard harder different similar simple important interesting
    possible able whole full entire real true wrong main certain specific particular general total huge crazy weird
    amazing super fun happy
    """
)

STOP_WORDS = _CLOSED_WORDS | GENERAL_WORDS

# Words after which a noun phrase begins, and words after which a verb or an adjective stands: they tell a thing from
# what it does and how it is.
NOUN_OPENERS = _set(
    "a an the this these those my your our their his her its some any no every each of in with about for from "
    "into on via another many"
)
OTHER_OPENERS = _set(
    "to i you we they he she can could will would should might may must don't doesn't didn't can't won't not let "
    "let's gonna i'll you'll we'll they'll i'd you'd we'd is are was were be been being it's that's very too really "
    "quite pretty super"
)

# A sentence that begins with one of these answers, greets, or goes on from the one before.
GOES_ON = _set(
    "and but so or because cause 'cause nor yet then also too plus though although however therefore thus hence well "
    "yeah yes yep yup no nope nah okay ok oh ah uh um hmm mm right exactly absolutely totally sure cool nice wow "
    "awesome great anyway anyways like which whereas otherwise instead again thanks thank hello hi hey welcome bye "
    "later meanwhile finally secondly alright likewise especially actually anyhow except similarly to"
)

# At the head of a sentence these point to the one before.
POINTS_BACK = _set(
    "it its it's it'll it'd that that's that'll this these those they they're they've they'll he he's she she's him "
    "her them there there's here here's same such both neither another one"
)
PRONOUNS = POINTS_BACK - _set("there there's here here's both another one same such")

# A sentence that begins with one of these needs a second half, and so a comma.
SUBORDINATES = _set("if when whenever while since as unless until once whether after before")

# A sentence with one of these is said to somebody, or for money, not about something.
COURTESIES = _set("thank thanks welcome hello hi goodbye bye cheers congratulations subscribe sponsor sponsored")

# A question begins with one of the second, also after one of the first, whatever mark ends it in a transcript.
ASKING = _set("how what why who whom whose where when which")
AUXILIARIES = _set(
    "am is are was were do does did have has had can could will would shall should may might must don't doesn't "
    "didn't isn't aren't wasn't weren't haven't hasn't can't couldn't won't wouldn't shouldn't"
)

# Near the beginning, these announce what the episode is about.
ANNOUNCES = _set("today episode talk talking topic discuss discussing show series interview conversation")

# Said while thinking of what to say.
FILLERS = _set("um uh uhm hmm yeah okay kinda sorta gonna stuff thing things whatever basically literally")
FILLER_PAIRS = frozenset(
    {("you", "know"), ("i", "mean"), ("kind", "of"), ("sort", "of"), ("i", "guess"), ("i", "like")}
)
FIRST_PERSON = _set("i i'm i've i'd me my")

DETERMINERS = _set("a an the my your our their his her its some any no every each")

# Two of these within half a minute: an advertisement.
ADVERT_CUES = _set("sponsor coupon promo dotcom .com discount trial slash shameless subscribe patreon newsletter")
