"""The words of the made-up shop: goods, people, and what people say about goods."""

CATEGORIES: dict[str, tuple[str, ...]] = {
    "Kitchen": ("pan", "knife", "bowl", "kettle", "mug", "cutting board"),
    "Garden": ("planter", "watering can", "trowel", "bird feeder", "lantern", "bench"),
    "Textiles": ("blanket", "cushion", "towel", "rug", "curtain", "bed linen"),
    "Pantry": ("coffee", "tea", "honey", "olive oil", "chocolate", "jam"),
    "Toys": ("puzzle", "kite", "train set", "doll", "board game", "building set"),
    "Beauty": ("soap", "shampoo", "hand cream", "sun milk", "perfume", "bath salt"),
    "Outdoor": ("backpack", "bottle", "head torch", "hammock", "tent", "camp stove"),
    "Decoration": ("vase", "picture frame", "garland", "mirror", "wreath", "figurine"),
}
GRADES = ("Simple", "Classic", "Fine", "Premium", "Master")
COLOURS = ("green", "blue", "red", "white", "black", "yellow", "grey", "brown")
# What takes the place of a colour where goods are used up.
KINDS = ("mild", "dark", "fresh", "sweet", "spiced", "pure", "rich", "light")
# What people search for and the shop does not sell.
NOT_SOLD = ("sofa", "bicycle", "laptop", "wallpaper")

COUNTRIES = ("Germany", "France", "Netherlands", "Austria", "Italy", "Spain", "Belgium")
FIRST_NAMES = (
    *("Anna", "Ben", "Clara", "David", "Elena", "Felix", "Greta", "Hugo", "Ines"),
    *("Jonas", "Karla", "Leon", "Marie", "Noah", "Olga", "Paul", "Rosa", "Simon"),
)
LAST_NAMES = (
    *("Adler", "Bernard", "Costa", "Dubois", "Evers", "Fischer", "Garcia", "Huber"),
    *("Jansen", "Keller", "Lambert", "Moreau", "Novak", "Peeters", "Rossi", "Schmidt"),
)

# By rating from 1 to 5: headlines, and beginnings and endings of texts.
TITLES = (
    ("Terrible", "Broken on arrival", "A waste of money", "Never again"),
    ("Disappointing", "Not worth the price", "Expected better", "Poor quality"),
    ("Just okay", "Nothing special", "Mixed feelings", "It does the job"),
    ("Good buy", "Very nice", "Happy with it", "Well made"),
    ("Excellent", "Love it", "Could not be better", "Highly recommended"),
)
OPENINGS = (
    (
        "The {noun} broke within a week.",
        "This {noun} is useless.",
        "I am very unhappy with this {noun}.",
    ),
    (
        "The {noun} looks cheaper than in the picture.",
        "I expected more of this {noun}.",
        "The {noun} already shows wear.",
    ),
    (
        "The {noun} is acceptable.",
        "An average {noun}.",
        "The {noun} is fine but nothing more.",
    ),
    (
        "The {noun} is good and useful.",
        "I like this {noun}.",
        "A solid {noun} for the price.",
    ),
    (
        "The {noun} is wonderful.",
        "The best {noun} I have ever had.",
        "I am delighted with this {noun}.",
    ),
)
CLOSINGS = (
    ("I want my money back.", "Avoid it.", "Delivery was late as well."),
    ("I would not buy it again.", "It may go back.", "The finish is careless."),
    ("Some things could be better.", "You get what you pay for.", "No more, no less."),
    ("I would buy it again.", "Delivery was quick.", "Only the packing could improve."),
    (
        "Everyone here loves it.",
        "Perfect as a gift.",
        "Beautifully made, fast delivery.",
    ),
)
