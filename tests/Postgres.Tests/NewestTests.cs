namespace EnvPlatform.Postgres.Tests;

/// <summary>One item for a key, in the order in which rows are locked.</summary>
public sealed class NewestTests
{
    [Test]
    public void The_newest_of_each_key_is_kept_in_ascending_order_of_the_keys()
    {
        (int Key, int Version)[] items = [(2, 1), (1, 5), (2, 3), (1, 4), (3, 1), (2, 2)];
        Assert.That(items.NewestBy(item => item.Key, item => item.Version), Is.EqualTo(new[] { (1, 5), (2, 3), (3, 1) }));
        Assert.That(Array.Empty<(int, int)>().NewestBy(item => item.Item1, item => item.Item2), Is.Empty);
    }

    [Test]
    public void Of_equals_the_first_is_kept()
    {
        (int Key, int Version, string Text)[] items = [(1, 1, "first"), (1, 1, "second")];
        Assert.That(items.NewestBy(item => item.Key, item => item.Version).Single().Text, Is.EqualTo("first"));
    }

    [Test]
    public void Ids_are_ordered_as_PostgreSQL_orders_them()
    {
        // By their bytes in written order, not as machine integers.
        Guid[] ids = [Guid.Parse("ff000000-0000-0000-0000-000000000000"), Guid.Parse("7f000000-0000-0000-0000-0000000000ff"), Guid.Parse(
            "00ff0000-0000-0000-8000-000000000001")];
        Assert.That(ids.NewestBy(id => id, _ => 0), Is.EqualTo(ids.OrderBy(id => id.ToString(), StringComparer.Ordinal)));
    }
}
