using System.Collections.Frozen;

namespace EnvPlatform.Identity.SignIn;

/// <summary>
/// Which passwords are taken: long ones of any characters (NIST SP 800-63B, 3.1.1.2), but none of those that are tried first. They are told
/// by patterns, offline: words that leaked passwords are made of (<c>common-passwords.txt</c>), alone, repeated or two together, whatever
/// digits and signs are around them; runs of the keyboard, the alphabet and digits; few characters repeated; one's own name and address.
/// </summary>
internal static class PasswordRules
{
    public const int MinLength = 12;
    public const int MaxLength = 1_000;
    private const int MinWord = 4;
    private const int MinRun = 3;
    private const int MinDistinct = 5;

    /// <summary>What must be left when one's own name and address are taken out.</summary>
    private const int MinRest = 8;

    private static readonly FrozenSet<string> Words = Read();

    /// <summary>Rows and columns of keyboards, the alphabet, and digits as they are typed.</summary>
    private static readonly string[] Tracks =
    [
        .. new[]
        {
            "1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "azertyuiop", "qwertzuiop", "abcdefghijklmnopqrstuvwxyz",
            "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p", "147258369",
            "abc123", "a1b2c3d4e5f6g7h8",
        }.SelectMany(track => new[] { track + track, Reverse(track + track) }),
    ];

    /// <summary>Why the password is not taken, a sentence; null when it is.</summary>
    /// <param name="own">Names and addresses of the person and its organization.</param>
    public static string? Refuse(string password, params IEnumerable<string?> own)
    {
        if (password.EnumerateRunes().Count() < MinLength)
        {
            return $"Must have at least {MinLength} characters. A sentence of a few words is easy to remember.";
        }

        if (password.Length > MaxLength)
        {
            return $"Must have at most {MaxLength} characters.";
        }

        var folded = password.ToLowerInvariant();
        if (folded.Distinct().Count() < MinDistinct || IsRepeated(folded) || IsOfRuns(folded) || IsOfWords(folded))
        {
            return "Is among the passwords that are tried first: a common word, a row of the keyboard, a repetition. Use several words "
                + "that have nothing to do with each other.";
        }

        return IsOfOwn(folded, own) ? "Is made of a name or an address that everybody knows of you." : null;
    }

    private static bool IsRepeated(string text)
    {
        for (var length = 1; length <= text.Length / 2; length++)
        {
            if (Enumerable.Range(0, text.Length).All(i => text[i] == text[i % length]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Nothing but pieces of tracks and repeated characters, each at least <see cref="MinRun"/> long.</summary>
    private static bool IsOfRuns(string text)
    {
        for (var at = 0; at < text.Length;)
        {
            var run = 1;
            while (at + run < text.Length && text[at + run] == text[at])
            {
                run++;
            }

            foreach (var track in Tracks)
            {
                while (at + run < text.Length && track.Contains(text[at..(at + run + 1)], StringComparison.Ordinal))
                {
                    run++;
                }
            }

            if (run < MinRun)
            {
                return false;
            }

            at += run;
        }

        return true;
    }

    /// <summary>One or two common words, with digits and signs before, between and behind them; or hardly a letter.</summary>
    private static bool IsOfWords(string text)
    {
        var core = text.Trim([.. "0123456789!@#$%^&*()-_=+.,;:?/ "]);
        return IsOfCommon(Split(core, static c => char.IsLetter(c) ? c : ' ')) || IsOfCommon(Split(core, Meant));
    }

    private static bool IsOfCommon(string[] parts)
    {
        var words = Array.FindAll(parts, part => part.Length >= MinWord);
        return parts.Sum(part => part.Length) - words.Sum(word => word.Length) < MinWord && words switch
        {
            [] => true,
            [var only] => IsCommon(only) || Enumerable.Range(1, only.Length - 1).Any(i => IsShort(only[..i]) && IsShort(only[i..])),
            [var first, var second] => IsCommon(first) && IsCommon(second),
            _ => false,
        };
    }

    private static bool IsCommon(string word) => Words.Contains(word) || IsRepeated(word);

    private static bool IsShort(string word) => word.Length < MinWord || IsCommon(word);

    private static string[] Split(string text, Func<char, char> map) =>
        string.Concat(text.Select(map)).Split(' ', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Letters for the signs that stand for them, spaces for the others.</summary>
    private static char Meant(char sign) => sign switch
    {
        '0' => 'o',
        '1' or '!' => 'i',
        '3' => 'e',
        '4' or '@' => 'a',
        '5' or '$' => 's',
        '7' => 't',
        _ => char.IsLetter(sign) ? sign : ' ',
    };

    private static bool IsOfOwn(string text, IEnumerable<string?> own)
    {
        var rest = text;
        foreach (var word in own.SelectMany(name => (name ?? "").ToLowerInvariant().Split([' ', '@', '.', '-', '_', '+']))
            .Where(word => word.Length >= MinWord).OrderByDescending(word => word.Length))
        {
            rest = rest.Replace(word, "", StringComparison.Ordinal);
        }

        return rest.Length < text.Length && rest.Count(char.IsLetterOrDigit) < MinRest;
    }

    private static string Reverse(string text) => new([.. text.Reverse()]);

    private static FrozenSet<string> Read()
    {
        using var stream = typeof(PasswordRules).Assembly.GetManifestResourceStream("sign-in/common-passwords.txt")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n').Where(line => !line.StartsWith('#'))
            .SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToFrozenSet(StringComparer.Ordinal);
    }
}
