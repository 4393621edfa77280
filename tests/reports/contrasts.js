// The contrast of every text that can be seen with what it stands on, and the text.
() => {
  const channels = text => text.match(/[\d.]+/g).map(Number)
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const isSeen = colour => colour && colour !== 'none' && (channels(colour)[3] ?? 1) > 0
  const groundOf = (element, x, y) => {
    for (const under of document.elementsFromPoint(x, y)) {
      const style = getComputedStyle(under)
      if (under instanceof SVGElement && !(under instanceof SVGTextElement) && under.tagName !== 'svg') {
        if (isSeen(style.fill)) return style.fill
      } else if (isSeen(style.backgroundColor)) return style.backgroundColor
    }
    return getComputedStyle(document.body).backgroundColor
  }
  const found = []
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement
    const range = document.createRange()
    range.selectNodeContents(walker.currentNode)
    const box = range.getClientRects()[0]
    if (!walker.currentNode.data.trim() || !box || !box.width || element.tagName === 'title') continue
    const x = box.x + Math.min(box.width / 2, 4), y = box.y + box.height / 2
    if (!document.elementsFromPoint(x, y).includes(element)) continue  // scrolled out of its table
    const style = getComputedStyle(element)
    const ink = luminance(channels(element instanceof SVGElement ? style.fill : style.color))
    const ground = luminance(channels(groundOf(element, x, y)))
    found.push([(Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05), walker.currentNode.data.trim().slice(0, 40)])
  }
  return found
}
