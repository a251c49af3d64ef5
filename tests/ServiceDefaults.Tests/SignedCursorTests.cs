namespace EnvPlatform.ServiceDefaults.Tests;

/// <summary>A cursor returns its values to the list that it was made for and to no other.</summary>
public sealed class SignedCursorTests
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private readonly SignedCursor _cursor = new(Key, "/things sort=name");

    [Test]
    public void A_position_comes_back_as_it_was() =>
        Assert.That(_cursor.Read<string?[]>(_cursor.Write(new[] { "ä %_\\", null, "" })), Is.EqualTo(new[] { "ä %_\\", null, "" }));

    [Test]
    public void The_text_is_one_part_of_a_query_string() =>
        Assert.That(_cursor.Write(new[] { new string('ÿ', 300) }), Does.Match("^[A-Za-z0-9_-]+$"));

    [Test]
    public void Every_changed_or_cut_text_is_refused()
    {
        var text = _cursor.Write(new[] { "name", "7" });
        for (var i = 0; i < text.Length - 1; i++)
        {
            var other = text[i] == 'A' ? 'B' : 'A';
            Assert.That(_cursor.Read<string?[]>(text[..i] + other + text[(i + 1)..]), Is.Null, $"character {i} changed");
            Assert.That(_cursor.Read<string?[]>(text[..i]), Is.Null, $"cut at {i}");
        }
    }

    [TestCase("")]
    [TestCase("not base64url!")]
    [TestCase("%")]
    [TestCase("AAAAAAAAAAAAAAAAAAAAAA")]
    public void What_is_no_cursor_is_refused(string text) => Assert.That(_cursor.Read<string?[]>(text), Is.Null);

    [Test]
    public void A_cursor_of_another_list_or_key_is_refused()
    {
        var text = _cursor.Write(new[] { "name" });
        Assert.That(new SignedCursor(Key, "/things sort=size").Read<string?[]>(text), Is.Null);
        Assert.That(new SignedCursor([.. Key.Reverse()], "/things sort=name").Read<string?[]>(text), Is.Null);
        Assert.That(new SignedCursor(Key, "/things sort=name").Read<string?[]>(text), Is.Not.Null);
    }
}
