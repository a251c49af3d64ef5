using System.Globalization;
using System.Text;
using System.Text.Json;

using EnvPlatform.Audit.AuditLogs;

namespace EnvPlatform.Audit.Tests;

public sealed class CanonicalJsonTests
{
    // RFC 8785, section 3.2.2 and 3.2.4: the example and its canonical form.
    [Test]
    public void The_example_of_the_RFC_becomes_the_bytes_of_the_RFC()
    {
        const string Source = """
            {
              "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
              "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
              "literals": [null, true, false]
            }
            """;
        const string Expected =
            """{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}""";
        Assert.That(Canonical(Source), Is.EqualTo(Expected));
    }

    // RFC 8785, section 3.2.3: the order of UTF-16 code units, which differs from that of code points.
    [Test]
    public void Members_are_sorted_by_UTF16_code_units()
    {
        const string Source = """
            {"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
             "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"}
            """;
        using var canonical = JsonDocument.Parse(Canonical(Source));
        Assert.That(canonical.RootElement.EnumerateObject().Select(member => member.Value.GetString()), Is.EqualTo(new[]
        {
            "Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis", "Euro Sign", "Emoji: Grinning Face",
            "Hebrew Letter Dalet With Dagesh",
        }));
    }

    // RFC 8785, appendix B.
    [TestCase("0000000000000000", "0")]
    [TestCase("8000000000000000", "0")]
    [TestCase("0000000000000001", "5e-324")]
    [TestCase("8000000000000001", "-5e-324")]
    [TestCase("7fefffffffffffff", "1.7976931348623157e+308")]
    [TestCase("ffefffffffffffff", "-1.7976931348623157e+308")]
    [TestCase("4340000000000000", "9007199254740992")]
    [TestCase("c340000000000000", "-9007199254740992")]
    [TestCase("4430000000000000", "295147905179352830000")]
    [TestCase("44b52d02c7e14af5", "9.999999999999997e+22")]
    [TestCase("44b52d02c7e14af6", "1e+23")]
    [TestCase("44b52d02c7e14af7", "1.0000000000000001e+23")]
    [TestCase("444b1ae4d6e2ef4e", "999999999999999700000")]
    [TestCase("444b1ae4d6e2ef4f", "999999999999999900000")]
    [TestCase("444b1ae4d6e2ef50", "1e+21")]
    [TestCase("3eb0c6f7a0b5ed8c", "9.999999999999997e-7")]
    [TestCase("3eb0c6f7a0b5ed8d", "0.000001")]
    [TestCase("41b3de4355555553", "333333333.3333332")]
    [TestCase("41b3de4355555554", "333333333.33333325")]
    [TestCase("41b3de4355555555", "333333333.3333333")]
    [TestCase("41b3de4355555556", "333333333.3333334")]
    [TestCase("41b3de4355555557", "333333333.33333343")]
    [TestCase("becbf647612f3696", "-0.0000033333333333333333")]
    [TestCase("43143ff3c1cb0959", "1424953923781206.2")]
    public void Numbers_are_written_as_ECMAScript_writes_them(string bits, string expected)
    {
        var number = BitConverter.UInt64BitsToDouble(ulong.Parse(bits, NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Assert.That(CanonicalJson.FormatNumber(number), Is.EqualTo(expected));
    }

    [Test]
    public void A_million_random_doubles_read_back_as_themselves()
    {
        var random = new Random(8785);
        for (var i = 0; i < 1_000_000; i++)
        {
            var number = BitConverter.Int64BitsToDouble(random.NextInt64(long.MinValue, long.MaxValue));
            if (double.IsFinite(number) && double.Parse(CanonicalJson.FormatNumber(number), CultureInfo.InvariantCulture) != number)
            {
                Assert.Fail(number.ToString("R", CultureInfo.InvariantCulture));
            }
        }
    }

    [TestCase("9007199254740993", "\"9007199254740993\"")]
    [TestCase("-12345678901234567890", "\"-12345678901234567890\"")]
    [TestCase("1e400", "\"1e400\"")]
    [TestCase("9007199254740991", "9007199254740991")]
    [TestCase("-0", "0")]
    public void A_number_that_a_double_cannot_hold_keeps_its_digits_as_a_string(string source, string expected) =>
        Assert.That(Canonical(source), Is.EqualTo(expected));

    [Test]
    public void Of_members_with_one_name_the_last_counts() =>
        Assert.That(Canonical("""{"a":1,"b":2,"a":3}"""), Is.EqualTo("""{"a":3,"b":2}"""));

    [Test]
    public void Half_a_surrogate_pair_has_no_canonical_form() =>
        Assert.That(() => Canonical("""{"a":"\ud800"}"""), Throws.InvalidOperationException);

    private static string Canonical(string json)
    {
        using var document = JsonDocument.Parse(json);
        return Encoding.UTF8.GetString(CanonicalJson.Encode(document.RootElement));
    }
}
