using System.Text;

namespace EnvPlatform.Scanner.Fuzzing;

/// <summary>Creates text that no genuine source would send, mostly from text that one would.</summary>
internal static class HostileText
{
    private const int MostChanges = 4;
    private const int LongestRun = 4_000;

    private static readonly string[] Tokens =
    [
        "null", "true", "{}", "[]", "[{}]", "\"\"", "0", "-1", "1e999", "99999999999999999999", "\\ud800", "\\udc00\\ud800", "\\u0000",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59.9999999-14:00", "CVE-2024-1234", "%ED%A0%80", "%00", "%E2", "%", "1!", "post", "dev", "rc",
        "::", "//", "..", "*",
    ];

    private const string Alphabet =
        "01239.-_+!*~:;/@%?#&=,'\"\\{}[]() \t\r\nabcdelnopqrstuvxyzACHLNPRSTVXZ\0\x1b\x1f\x7f\x80\xa0\xad\xc3\xff";

    // Characters that break the assumption that a letter is one character, has one case, or is what it looks like.
    private const string Wide = "\u0130\u0131\u017f\u212a\u0663\u00b2\u0301\u200b\u2028\u3000\ufeff\uffff\ud83d\ude00\ud800\udc00";

    /// <summary>
    /// Replaced, dropped, repeated, inserted and exchanged pieces; sometimes a very long run; sometimes the end of another original.
    /// </summary>
    /// <param name="ofBytes">Each character is a byte.</param>
    public static string Mutate(Random random, string original, IReadOnlyList<string> others, bool ofBytes)
    {
        var text = new StringBuilder(original);
        for (var changes = random.Next(1, MostChanges + 1); changes > 0; changes--)
        {
            var at = random.Next(text.Length + 1);
            var length = Math.Min(random.Next(1, 9), text.Length - at);
            switch (random.Next(9))
            {
                case 0 when length > 0:
                    text[at] = Character(random, ofBytes);
                    break;
                case 1:
                    text.Remove(at, length);
                    break;
                case 2:
                    text.Insert(random.Next(text.Length + 1), text.ToString(at, length));
                    break;
                case 3:
                    text.Insert(at, Character(random, ofBytes));
                    break;
                case 4:
                    text.Insert(at, Tokens[random.Next(Tokens.Length)]);
                    break;
                case 5 when random.Next(8) == 0:
                    text.Length = at;
                    break;
                case 6 when random.Next(8) == 0:
                    var other = others[random.Next(others.Count)];
                    text.Length = at;
                    text.Append(other.AsSpan(Math.Min(at, other.Length)));
                    break;
                case 7 when random.Next(50) == 0:
                    text.Insert(at, Character(random, ofBytes).ToString(), random.Next(1, LongestRun));
                    break;
                default:
                    if (length > 0)
                    {
                        text[at] = Alphabet[random.Next(Alphabet.Length)];
                    }

                    break;
            }
        }

        return text.ToString();
    }

    /// <summary>A value of JSON is taken out, repeated, or replaced by one of another type.</summary>
    public static string MutateJson(Random random, string json, IReadOnlyList<string> others)
    {
        var start = json.IndexOf(':', random.Next(json.Length + 1));
        if (start < 0)
        {
            return Mutate(random, json, others, ofBytes: true);
        }

        var end = EndOfValue(json, ++start);
        return random.Next(4) switch
        {
            0 => string.Concat(json.AsSpan(0, start), Tokens[random.Next(Tokens.Length)], json.AsSpan(end)),
            1 => string.Concat(json.AsSpan(0, start), "[", json.AsSpan(start, end - start), "]") + json[end..],
            2 => string.Concat(json.AsSpan(0, start), json.AsSpan(start, end - start), ",\"x\":") + json[start..],
            _ => RemoveMember(json, start, end),
        };
    }

    public static string Noise(Random random, bool ofBytes)
    {
        var noise = new char[random.Next(40)];
        for (var i = 0; i < noise.Length; i++)
        {
            noise[i] = (char)random.Next(ofBytes ? 0x100 : 0x1_0000);
        }

        return new string(noise);
    }

    /// <summary>A few of the pieces, one after another.</summary>
    public static string Of(Random random, string[] pieces, int most)
    {
        var text = new StringBuilder();
        for (var count = random.Next(1, most + 1); count > 0; count--)
        {
            text.Append(pieces[random.Next(pieces.Length)]);
        }

        return text.ToString();
    }

    private static char Character(Random random, bool ofBytes) =>
        !ofBytes && random.Next(8) == 0
            ? Wide[random.Next(Wide.Length)]
            : random.Next(8) == 0 ? (char)random.Next(0x100) : Alphabet[random.Next(Alphabet.Length)];

    private static string RemoveMember(string json, int start, int end)
    {
        var name = json.LastIndexOf('"', Math.Max(0, start - 2));
        if (name > 0)
        {
            name = json.LastIndexOf('"', name - 1);
        }

        if (name < 0)
        {
            return json;
        }

        if (end < json.Length && json[end] == ',')
        {
            end++;
        }

        return json.Remove(name, end - name);
    }

    private static int EndOfValue(string json, int start)
    {
        var depth = 0;
        for (var i = start; i < json.Length; i++)
        {
            switch (json[i])
            {
                case '"':
                    for (i++; i < json.Length && json[i] != '"'; i++)
                    {
                        if (json[i] == '\\')
                        {
                            i++;
                        }
                    }

                    break;
                case '{' or '[':
                    depth++;
                    break;
                case '}' or ']':
                    if (--depth < 0)
                    {
                        return i;
                    }

                    break;
                case ',' when depth == 0:
                    return i;
            }
        }

        return json.Length;
    }
}
