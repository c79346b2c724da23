#!/bin/sh
# Compares what two builds of the program write, byte by byte, by over sixty commands: all tasks, presets and formats.
#   sh Scripts/corpus.sh OLD/rtool NEW/rtool
# tells each command whose bytes differ, and fails where there is one. With one program it prints a hash for each command,
# which depend on the processor. MODEL=FILE in the environment: with that model instead of the one inside the program.
# PIXELS=1: images are written without metadata, which name the version and all parameters.
set -eu
[ $# = 1 ] || [ $# = 2 ] || {
  echo "corpus.sh: name one program or two, as in sh Scripts/corpus.sh OLD/rtool .build/release/rtool" >&2
  exit 2
}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
if [ $# = 2 ]; then
  sh "$0" "$1" > "$folder/old"
  sh "$0" "$2" > "$folder/new"
  diff "$folder/old" "$folder/new" || { echo "the builds differ" && exit 1; }
  echo "all $(wc -l < "$folder/old") commands write the same bytes"
  exit
fi
rtool=$(realpath "$1")
model=${MODEL:+$(realpath "$MODEL")}
examples=$(cd "$(dirname "$0")/../Examples" && pwd)
cd "$folder"
export RTOOL_PATH= HOME="$folder"

# run NAME OUTPUT ARGUMENTS...: the hash of OUTPUT, or of standard output where OUTPUT is -.
run() {
  name=$1 output=$2
  shift 2
  case $1 in compare | replay) ;; *) [ -z "$model" ] || set -- "$@" --model "$model" ;; esac
  if [ -n "${PIXELS:-}" ] && [ "$output" != - ]; then set -- "$@" --strip-metadata; fi
  if [ "$output" = - ]; then
    "$rtool" "$@" >stdout 2>stderr || { echo "$name failed: $(tail -n 1 stderr)"; return 0; }
    hash=$(sha256sum <stdout)
  else
    "$rtool" "$@" -o "$output" >stdout 2>stderr || { echo "$name failed: $(tail -n 1 stderr)"; return 0; }
    hash=$(cat "${output%.*}"*."${output##*.}" | sha256sum)
  fi
  echo "$name $(echo "$hash" | cut -c1-20)"
}

cp "$examples/lake.jpg" lake.jpg
cp "$examples/lake-mask.png" mask.png
box="--box 120,90,40,30"

run generate generated.png generate --class forest --steps 12
run generate-mixture mixture.png generate --class sea:2,mountain:1 --seed 5 --steps 8
run generate-wide wide.png generate --class mountain --width 200 --height 150 --steps 6
run generate-count several.png generate --class flower --count 3 --steps 4
run generate-from from.png generate --class forest --from generated.png --steps 6
run generate-threads threads.png generate --class pizza --steps 6 --threads 1
run generate-jpeg generated.jpg generate --class sky --steps 4
run generate-webp generated.webp generate --class sky --steps 4
run generate-tiff generated.tif generate --class sky --steps 4
run generate-avif generated.avif generate --class sky --steps 4
run generate-jxl generated.jxl generate --class sky --steps 4
run generate-wrap tile.png generate --class flower --steps 4 --wrap
run generate-16 deep.png generate --class sky --steps 4 --bit-depth 16
run superres-small enlarged.png superres generated.png --factor 2 --steps 4
run superres-fast fast.png superres generated.png --factor 3 --preset fast
run superres-cubic cubic.png superres generated.png --factor 2 --measured cubic --steps 3
run inpaint repaired.png inpaint lake.jpg --mask mask.png
run inpaint-box box.png inpaint lake.jpg $box
run inpaint-two two.jpg inpaint lake.jpg $box --box 30,20,25,40
run inpaint-class class.png inpaint lake.jpg $box --class flower --radius 20
run inpaint-fast quick.png inpaint lake.jpg $box --preset fast
run inpaint-webp box.webp inpaint lake.jpg $box
run inpaint-wrap wrapped.png inpaint lake.jpg --wrap --box=-10,-10,40,30
run inpaint-paper published.png inpaint lake.jpg $box --preset paper --steps 8
run translate translated.png translate lake.jpg --to glacier --steps 6
run translate-away away.png translate lake.jpg --to sea --from forest --strength 1.5 --steps 6
run translate-part part.png translate lake.jpg --to flower --mask mask.png --steps 6
run translate-fast translated-fast.png translate lake.jpg --to sea --preset fast
run translate-paper translated-paper.png translate lake.jpg --to sea --preset paper --steps 4
run sketch sketched.png sketch generated.png --class mountain --steps 6
run sketch-keep kept.png sketch generated.png --class flower --keep 40 --steps 6
run paint painted.png paint lake.jpg --mask mask.png --class forest --steps 6
run paint-feature feature.png paint lake.jpg --mask mask.png --feature flower --steps 6
run mix mixed.png mix lake.jpg --class forest:1,flower:1 --steps 6
run mix-two mixed2.png mix lake.jpg generated.png --share 0.5 --steps 6
run mix-part mixed3.png mix lake.jpg --class glacier --mask mask.png --radius 15 --steps 6
run interpolate stage.png interpolate generated.png mixture.png --stages 4 --steps 4
run interpolate-webp morph.webp interpolate generated.png mixture.png --stages 3 --steps 3
run interpolate-gif morph.gif interpolate generated.png mixture.png --loop --stages 3 --steps 3
run invert inverted.png invert generated.png --steps 8
run invert-layer inverted2.png invert generated.png --layer layer3.1 --steps 6
run invert-whitened inverted3.png invert generated.png --distance whitened --steps 6
run invert-seed inverted4.png invert generated.png --seed 2 --steps 6
run refine refined.png refine generated.png --steps 6
run refine-class refined2.png refine lake.jpg --class flower --radius 4 --steps 6
run visualize unit.png visualize --feature flower-2 --steps 6
run visualize-among place.png visualize --feature flower-2 --among lake.jpg --among generated.png
run visualize-class unit2.png visualize --class sea --from generated.png --steps 6
run visualize-list - visualize --list
run attack attacked.png attack generated.png
run attack-to attacked2.png attack generated.png --to flower
run attack-amplify attacked3.png attack generated.png --amplify 10
run classify - classify lake.jpg generated.png
run classify-json - classify lake.jpg --json
run classify-top - classify lake.jpg generated.png --top 1
run compare - compare generated.png mixture.png
run compare-json - compare generated.png mixture.png --json
run compare-map map.png compare generated.png mixture.png --map
run pipe - generate --class forest --steps 4 --width 96 --height 96
run count-repeat repeat.png translate lake.jpg --to snow --count 2 --steps 3
run sheet sheet-of.png generate --class forest --steps 6 --sheet sheet.png
run precision half.png translate generated.png --to sea --steps 4 --precision bfloat16
run lossless lossless.webp translate generated.png --to sea --steps 3 --lossless
run quality quality.jpg translate generated.png --to sea --steps 3 --quality 60
run replay replayed.png replay generated.png
