using EnvPlatform.Transparency;

namespace EnvPlatform.Audit.Tests.Proofs;

/// <summary>Trees, proofs and their verification, against published values and against the RFC's definitions.</summary>
public sealed class MerkleTests
{
    /// <summary>The entries of the example tree that implementations of RFC 6962 share.</summary>
    private static readonly string[] Entries =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];

    [TestCase(0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [TestCase(1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")]
    [TestCase(2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
    [TestCase(3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77")]
    [TestCase(4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [TestCase(5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4")]
    [TestCase(6, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef")]
    [TestCase(7, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c")]
    [TestCase(8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328")]
    public void The_roots_of_the_example_tree_are_the_published_ones(int size, string root) =>
        Assert.That(Convert.ToHexStringLower(EdgeOf(Example().Take(size)).Root()), Is.EqualTo(root));

    [TestCase(0, 8, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
        + "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
        + "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")]
    [TestCase(2, 3, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125")]
    public void The_inclusion_proofs_of_the_example_tree_are_the_published_ones(int index, int size, string proof) =>
        Assert.That(
            string.Join(' ', Roots(Example(), MerkleProof.Inclusion(index, size)).Select(Convert.ToHexStringLower)), Is.EqualTo(proof));

    [TestCase(1, 8, "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7 "
        + "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
        + "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4")]
    [TestCase(6, 8, "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a "
        + "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0 "
        + "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")]
    [TestCase(2, 5, "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e "
        + "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")]
    public void The_consistency_proofs_of_the_example_tree_are_the_published_ones(int from, int to, string proof) =>
        Assert.That(
            string.Join(' ', Roots(Example(), MerkleProof.Consistency(from, to)).Select(Convert.ToHexStringLower)), Is.EqualTo(proof));

    [Test]
    public void Every_inclusion_proof_is_that_of_the_definition_and_proves_this_leaf_only()
    {
        var leaves = Leaves(67);
        for (var size = 1; size <= leaves.Count; size++)
        {
            var tree = leaves.Take(size).ToList();
            var root = EdgeOf(tree).Root();
            Assert.That(root, Is.EqualTo(NaiveTree.Root(tree)), $"{size}");
            for (var index = 0; index < size; index++)
            {
                var proof = Roots(leaves, MerkleProof.Inclusion(index, size));
                Assert.That(proof, Is.EqualTo(NaiveTree.Path(index, tree)), $"{index} of {size}");
                Assert.That(MerkleProof.IsIncluded(leaves[index], index, size, proof, root), Is.True);
                Assert.That(MerkleProof.IsIncluded(leaves[(index + 1) % 67], index, size, proof, root), Is.False, "another leaf");
                Assert.That(MerkleProof.IsIncluded(leaves[index], index, size, [.. proof, root], root), Is.False, "too long");
                Assert.That(
                    proof.Count > 0 && MerkleProof.IsIncluded(leaves[index], index, size, proof[..^1], root), Is.False, "too short");
                Assert.That(Enumerable.Range(0, size).Where(other => other != index)
                    .Any(other => MerkleProof.IsIncluded(leaves[index], other, size, proof, root)), Is.False, "at another place");
                for (var i = 0; i < proof.Count; i++)
                {
                    Assert.That(MerkleProof.IsIncluded(leaves[index], index, size, Flipped(proof, i), root), Is.False, "a changed hash");
                }
            }
        }
    }

    [Test]
    public void Every_consistency_proof_is_that_of_the_definition_and_proves_these_roots_only()
    {
        var leaves = Leaves(67);
        var roots = Enumerable.Range(0, leaves.Count + 1).Select(size => NaiveTree.Root([.. leaves.Take(size)])).ToList();
        for (var to = 0; to <= leaves.Count; to++)
        {
            for (var from = 0; from <= to; from++)
            {
                var proof = Roots(leaves, MerkleProof.Consistency(from, to));
                Assert.That(proof, Is.EqualTo(from == 0 ? [] : NaiveTree.Proof(from, [.. leaves.Take(to)])), $"{from} to {to}");
                Assert.That(MerkleProof.IsConsistent(from, roots[from], to, roots[to], proof), Is.True, $"{from} to {to}");
                Assert.That(MerkleProof.IsConsistent(from, Flipped(roots, from)[from], to, roots[to], proof), Is.False, "another start");
                Assert.That(
                    from > 0 && MerkleProof.IsConsistent(from, roots[from], to, Flipped(roots, to)[to], proof), Is.False, "another end");
                Assert.That(MerkleProof.IsConsistent(from, roots[from], to, roots[to], [.. proof, roots[to]]), Is.False, "too long");
                for (var i = 0; i < proof.Count; i++)
                {
                    Assert.That(MerkleProof.IsConsistent(from, roots[from], to, roots[to], Flipped(proof, i)), Is.False, "a changed hash");
                }
            }
        }
    }

    [Test]
    public void A_tree_grows_by_full_subtrees_as_by_their_leaves()
    {
        var leaves = Leaves(200);
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var (begin, end) = (random.Next(201), random.Next(201));
            (begin, end) = (Math.Min(begin, end), Math.Max(begin, end));
            var edge = EdgeOf(leaves.Take(begin));
            foreach (var subtree in Subtree.Covering(begin, end))
            {
                edge.Append(subtree.Level, NaiveTree.Root(
                    [.. leaves.Skip((int)(subtree.Index << subtree.Level)).Take(1 << subtree.Level)]));
            }

            Assert.That(edge.Size, Is.EqualTo(end));
            Assert.That(edge.Root(), Is.EqualTo(NaiveTree.Root([.. leaves.Take(end)])), $"{begin} to {end}");
            Assert.That(TreeEdge.Of(edge.Size, edge.ToBytes()).Root(), Is.EqualTo(edge.Root()));
        }
    }

    [TestCase(0, 256, "000")]
    [TestCase(0, 1, "000.p/1")]
    [TestCase(1_234_067, 256, "x001/x234/067")]
    [TestCase(273, 112, "273.p/112")]
    [TestCase(1_000, 255, "x001/000.p/255")]
    public void A_tile_has_one_path(long index, int width, string path)
    {
        Assert.That(new TilePath(index, width).ToString(), Is.EqualTo(path));
        Assert.That(TilePath.Parse(path), Is.EqualTo(new TilePath(index, width)));
    }

    [TestCase("")]
    [TestCase("0")]
    [TestCase("000.p/0")]
    [TestCase("000.p/256")]
    [TestCase("000.p/01")]
    [TestCase("x000/001")]
    [TestCase("001/234")]
    [TestCase("x001/x234")]
    [TestCase("-01")]
    public void What_is_no_path_of_a_tile_is_none(string path) => Assert.That(TilePath.Parse(path), Is.Null);

    private static List<byte[]> Example() => [.. Entries.Select(entry => MerkleHash.Leaf(Convert.FromHexString(entry)))];

    private static List<byte[]> Leaves(int count) =>
        [.. Enumerable.Range(0, count).Select(i => MerkleHash.Leaf([(byte)i, (byte)(i >> 8)]))];

    private static TreeEdge EdgeOf(IEnumerable<byte[]> leaves)
    {
        var edge = new TreeEdge();
        foreach (var leaf in leaves)
        {
            edge.AppendLeaf(leaf);
        }

        return edge;
    }

    private static List<byte[]> Roots(List<byte[]> leaves, IReadOnlyList<(long Begin, long End)> ranges) =>
        [.. ranges.Select(range => NaiveTree.Root(leaves[(int)range.Begin..(int)range.End]))];

    private static List<byte[]> Flipped(List<byte[]> hashes, int at)
    {
        var changed = hashes.ToList();
        changed[at] = [(byte)(changed[at][0] ^ 1), .. changed[at][1..]];
        return changed;
    }
}
