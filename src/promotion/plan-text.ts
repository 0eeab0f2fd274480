/** The text of an item of a section, and what the section calls its kind; `undefined` when it has not said so yet. */
export interface PlanItem {
  readonly item: string;
  readonly section: number;
  readonly kind: string | undefined;
}

/** What was found in the text of a plan: an item, or what it says that its format is. */
export type PlanPart = PlanItem | { readonly format: string };

/** Characters of one item, or of all that is no item. */
const maxCharacters = 64 * 1024 * 1024;

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openArray, closeArray, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** How deep in the text things are: the plan's own fields, those of a section, and the items. */
const [planDepth, sectionsDepth, sectionDepth, itemsDepth] = [1, 2, 3, 4];

/**
 * Cuts the text of a plan, one JSON document however it is laid out, into its items as it comes, so that nobody needs the
 * whole of it. It knows where strings end and what is nested in what, and nothing else: whoever parses the parts finds out
 * whether they are JSON.
 */
export class PlanScanner {
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** The last string with a meaning here, in its quotes, as far as it has come. */
  #string = "";
  readonly #keys = new Map<number, string>();
  #kind: string | undefined;
  #section = -1;
  #hasSections = false;
  #hasItems = false;
  #isInItems = false;
  #itemCount = 0;
  #item = "";
  #envelope = "";

  /**
   * Takes the text that comes next.
   * @throws {SyntaxError} for strings that are none in JSON.
   * @throws {RangeError} for a part that is larger than any plan's, and for one that stands twice: other readers see the
   * last one alone.
   */
  *take(text: string): Generator<PlanPart> {
    let from = 0;
    let stringFrom = 0;
    for (let at = 0; at < text.length; at += 1) {
      const character = text.charCodeAt(at);
      if (this.#isInString) {
        if (this.#isEscaped) this.#isEscaped = false;
        else if (character === backslash) this.#isEscaped = true;
        else if (character === quote) {
          this.#isInString = false;
          if (this.#hasMeaning()) {
            this.#string += text.slice(stringFrom, at + 1);
            yield* this.#valueEnded();
          }
        }
        continue;
      }
      switch (character) {
        case quote:
          this.#isInString = true;
          this.#string = "";
          stringFrom = at;
          break;
        case colon:
          if (this.#hasMeaning()) this.#keys.set(this.#depth, JSON.parse(this.#string));
          break;
        case comma:
          if (this.#isInItems && this.#depth === itemsDepth) {
            yield this.#itemEnded(text.slice(from, at));
            from = at + 1;
          } else if (this.#hasMeaning()) this.#keys.delete(this.#depth);
          break;
        case openArray:
        case openObject:
          this.#depth += 1;
          if (this.#beginsItems()) {
            this.#keep(text.slice(from, at + 1));
            this.#isInItems = true;
            from = at + 1;
          }
          break;
        case closeArray:
        case closeObject:
          if (this.#isInItems && this.#depth === itemsDepth) {
            const rest = text.slice(from, at);
            if (this.#itemCount > 0 || `${this.#item}${rest}`.trim() !== "") yield this.#itemEnded(rest);
            this.#isInItems = false;
            from = at;
          }
          this.#depth -= 1;
          break;
      }
    }
    if (this.#isInString && this.#hasMeaning()) this.#string += text.slice(stringFrom);
    this.#keep(text.slice(from));
  }

  /** The text of all but the items, once everything has been taken: JSON in which lists of items are empty. */
  get envelope(): string {
    return this.#envelope;
  }

  /** Whether strings here are names or values that it looks at. */
  #hasMeaning(): boolean {
    return this.#depth === planDepth || (this.#depth === sectionDepth && !this.#isInItems);
  }

  *#valueEnded(): Generator<PlanPart> {
    const key = this.#keys.get(this.#depth);
    if (this.#depth === planDepth && key === "format") yield { format: JSON.parse(this.#string) };
    if (this.#depth === sectionDepth && key === "kind") this.#kind = JSON.parse(this.#string);
  }

  #beginsItems(): boolean {
    if (this.#isInItems || this.#keys.get(planDepth) !== "sections") return false;
    if (this.#depth === sectionsDepth) {
      if (this.#hasSections) throw new RangeError("its sections stand twice");
      this.#hasSections = true;
    }
    if (this.#depth === sectionDepth) {
      this.#section += 1;
      this.#kind = undefined;
      this.#hasItems = false;
      this.#keys.delete(sectionDepth);
    }
    if (this.#depth !== itemsDepth || this.#keys.get(sectionDepth) !== "items") return false;
    if (this.#hasItems) throw new RangeError(`sections.${this.#section}.items stand twice`);
    this.#hasItems = true;
    this.#itemCount = 0;
    return true;
  }

  #itemEnded(rest: string): PlanPart {
    this.#keep(rest);
    const item = this.#item;
    this.#item = "";
    this.#itemCount += 1;
    return { item, section: this.#section, kind: this.#kind };
  }

  #keep(text: string): void {
    if (this.#isInItems) this.#item += text;
    else this.#envelope += text;
    if (this.#item.length > maxCharacters || this.#envelope.length > maxCharacters)
      throw new RangeError(`a part of it has more than ${maxCharacters} bytes`);
  }
}
